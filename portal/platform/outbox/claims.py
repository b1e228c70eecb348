"""Claims of outbox messages by workers: taken with lease and fence, then closed or given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from portal.platform.db import count_changed
from portal.platform.documents import Document

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 10
BATCH = 100


class LeaseLost(Exception):
    """Another worker has claimed the message since; this one's outcome does not count."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker has leased."""

    id: UUID
    topic: str
    payload: Document
    fence: int
    attempts: int


_CLAIM = text("""
    UPDATE outbox SET fence = fence + 1, attempts = attempts + 1, lease_until = :until, next_attempt_at = :until
    WHERE id IN (
        SELECT id FROM (
            SELECT id, attempts, row_number() OVER (ORDER BY next_attempt_at, id) AS place FROM (
                SELECT id, attempts, next_attempt_at FROM outbox
                WHERE status = 'pending' AND next_attempt_at <= :now
                  AND (CAST(:only_ids AS uuid[]) IS NULL OR id = ANY(:only_ids))
                ORDER BY next_attempt_at, id LIMIT :limit FOR UPDATE SKIP LOCKED) due) placed
        WHERE attempts = 0 OR place = 1)
    RETURNING id, topic, payload, fence, attempts
""")

_FINISH = text("""
    UPDATE outbox SET status = :status, finished_at = :now, last_error = :error, lease_until = NULL
    WHERE id = :id AND fence = :fence AND status = 'pending'
""")

_FINISH_ALL = text("""
    UPDATE outbox o SET status = 'done', finished_at = :now, last_error = NULL, lease_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS mine(id, fence)
    WHERE o.id = mine.id AND o.fence = mine.fence AND o.status = 'pending' RETURNING o.id
""")

_RETRY = text("""
    UPDATE outbox SET next_attempt_at = :at, last_error = :error, lease_until = NULL, attempts = attempts - :undone
    WHERE id = :id AND fence = :fence AND status = 'pending'
""")


def claim(session: Session, *, limit: int = BATCH, only: Sequence[UUID] | None = None) -> list[Claimed]:
    """Lease up to `limit` due messages for 60 s, skipping those that other workers hold.

    A message that was tried before is taken only if it is the first one due, and is returned first: one that kills its
    worker each time costs each other message one attempt at most.
    """
    now = clock.now()
    rows = session.execute(
        _CLAIM,
        {
            "now": now,
            "until": now + LEASE,
            "limit": limit,
            "only_ids": list(only) if only is not None else None,
        },
    )
    return sorted((Claimed(*row) for row in rows), key=lambda message: (-message.attempts, message.id))


def finish(session: Session, message: Claimed, status: str = "done", error: str | None = None) -> None:
    """Close a claimed message.

    :raises LeaseLost: if the lease ran out and another worker has claimed the message.
    """
    values = {"id": message.id, "fence": message.fence, "status": status, "error": error, "now": clock.now()}
    if count_changed(session.execute(_FINISH, values)) != 1:
        raise LeaseLost(str(message.id))


def finish_all(session: Session, messages: Sequence[Claimed]) -> list[Claimed]:
    """Close claimed messages that are done; returns those that another worker has claimed since."""
    if not messages:
        return []
    values = {"ids": [message.id for message in messages], "fences": [message.fence for message in messages]}
    closed = set(session.scalars(_FINISH_ALL, {**values, "now": clock.now()}))
    return [message for message in messages if message.id not in closed]


def retry(session: Session, message: Claimed, error: str) -> None:
    """Give a claimed message back with exponential back-off, or close it as dead after the last attempt."""
    if message.attempts >= MAX_ATTEMPTS:
        finish(session, message, "dead", error)
        return
    at = clock.now() + backoff(message.attempts)
    values = {"id": message.id, "fence": message.fence, "at": at, "error": error[:2000], "undone": 0}
    session.execute(_RETRY, values)


def postpone(session: Session, message: Claimed, until: datetime) -> None:
    """Give a claimed message back, due at `until`; the attempt does not count."""
    values = {"id": message.id, "fence": message.fence, "at": until, "error": "postponed", "undone": 1}
    session.execute(_RETRY, values)


def backoff(attempts: int) -> timedelta:
    """The pause after so many attempts: 10 s, 20 s, 40 s … up to an hour."""
    return timedelta(seconds=min(10 * 2 ** (attempts - 1), 3600))
