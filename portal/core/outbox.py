"""Transactional outbox: a change and the work it asks for commit together; workers claim with lease and fence."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.core import clock, ids, outbox_signal
from portal.core.db import db, unit_of_work
from portal.core.models import OutboxMessage
from portal.core.queue import QueueName, enqueue_ids

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 10
BATCH = 100
DELIVER_SECONDS = 30


class LeaseLost(Exception):
    """Another worker has claimed the message since; this one's outcome does not count."""


class RetryLater(Exception):
    """The work was certainly not done and may be tried again."""


class Postponed(Exception):
    """The work is not to be done before `until`; that is no failed attempt."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class OutcomeUnknown(Exception):
    """The work may have been done; it is never tried again, and an operator sees it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in this worker's lease."""

    id: UUID
    topic: str
    payload: dict[str, Any]
    fence: int
    attempts: int


Handler = Callable[[Claimed], None]
handlers: dict[str, Handler] = {}


def consumes(topic: str) -> Callable[[Handler], Handler]:
    """Declare the one consumer of `topic`. It runs outside any transaction, at least once, under a lease."""

    def register(handler: Handler) -> Handler:
        if handlers.setdefault(topic, handler) is not handler:
            raise ValueError(f"{topic} has a consumer already")
        return handler

    return register


def put(session: Session, topic: str, payloads: Sequence[dict[str, Any]], *, dedupe: str | None = None) -> None:
    """Add messages to the current transaction; the edge wakes a worker once it has committed.

    `dedupe` names a payload key: together with the topic it makes a message unique for ever.
    """
    if not payloads:
        return
    now = clock.real_now()  # a job that works as of another moment asks for work at once all the same
    rows = [
        {
            "id": ids.new_id(), "topic": topic, "payload": payload, "created_at": now, "next_attempt_at": now,
            "dedupe_key": f"{topic}:{payload[dedupe]}" if dedupe else None,
        }
        for payload in payloads
    ]  # fmt: skip
    statement = insert(OutboxMessage).on_conflict_do_nothing(index_elements=["dedupe_key"])
    added = session.scalars(statement.returning(OutboxMessage.id), rows).all()
    outbox_signal.remember(session, list(added))


_CLAIM = text("""
    UPDATE outbox SET fence = fence + 1, attempts = attempts + 1, lease_until = :until, next_attempt_at = :until
    WHERE id IN (
        SELECT id FROM outbox
        WHERE status = 'pending' AND next_attempt_at <= :now
          AND (CAST(:only_ids AS uuid[]) IS NULL OR id = ANY(:only_ids))
        ORDER BY next_attempt_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, topic, payload, fence, attempts
""")

_FINISH = text("""
    UPDATE outbox SET status = :status, finished_at = :now, last_error = :error, lease_until = NULL
    WHERE id = :id AND fence = :fence AND status = 'pending'
""")

_RETRY = text("""
    UPDATE outbox SET next_attempt_at = :at, last_error = :error, lease_until = NULL, attempts = attempts - :undone
    WHERE id = :id AND fence = :fence AND status = 'pending'
""")


def claim(session: Session, *, limit: int = BATCH, only: Sequence[UUID] | None = None) -> list[Claimed]:
    """Take up to `limit` due messages into a lease of 60 s, skipping those that others hold."""
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
    return [Claimed(*row) for row in rows]


def finish(session: Session, message: Claimed, status: str = "done", error: str | None = None) -> None:
    """Close a claimed message.

    :raises LeaseLost: the lease ran out and another worker has it.
    """
    values = {"id": message.id, "fence": message.fence, "status": status, "error": error, "now": clock.now()}
    if session.execute(_FINISH, values).rowcount != 1:  # type: ignore[attr-defined]
        raise LeaseLost(str(message.id))


def retry(session: Session, message: Claimed, error: str) -> None:
    """Give a claimed message back with exponential back-off, or bury it after the last attempt."""
    if message.attempts >= MAX_ATTEMPTS:
        finish(session, message, "dead", error)
        return
    at = clock.now() + backoff(message.attempts)
    values = {"id": message.id, "fence": message.fence, "at": at, "error": error[:2000], "undone": 0}
    session.execute(_RETRY, values)


def postpone(session: Session, message: Claimed, until: datetime) -> None:
    """Give a claimed message back until then; the attempt does not count."""
    values = {"id": message.id, "fence": message.fence, "at": until, "error": "postponed", "undone": 1}
    session.execute(_RETRY, values)


def close_pending(session: Session) -> None:
    """Count everything still pending as done, and wake nobody: for histories that were loaded, not lived."""
    values = {"status": "done", "finished_at": clock.now(), "lease_until": None}
    session.execute(update(OutboxMessage).where(OutboxMessage.status == "pending").values(values))
    outbox_signal.forget(session)


def backoff(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … up to an hour."""
    return timedelta(seconds=min(10 * 2 ** (attempts - 1), 3600))


def deliver(only: Sequence[str] | None = None) -> dict[str, int]:
    """Job: carry out due messages (or the named ones that are due), each under its own lease, for up to 30 s."""
    outcomes = {"done": 0, "retried": 0, "postponed": 0, "uncertain": 0}
    wanted = [UUID(i) for i in only] if only is not None else None
    deadline = time.monotonic() + DELIVER_SECONDS
    while time.monotonic() < deadline:
        with unit_of_work() as session:
            batch = claim(session, limit=1, only=wanted)
        if not batch:
            break
        outcomes[_carry_out(batch[0])] += 1
    return outcomes


def _carry_out(message: Claimed) -> str:
    if message.attempts > MAX_ATTEMPTS:  # every worker that had it died without a word
        _record(finish, message, "dead", "given up: each attempt ended with its worker")
        return "uncertain"
    try:
        handlers[message.topic](message)
    except LeaseLost:
        log.warning("lease lost", extra={"outbox_id": ids.encode(message.id), "topic": message.topic})
        return "retried"
    except Postponed as error:
        _record(postpone, message, error.until)
        return "postponed"
    except OutcomeUnknown as error:
        _record(finish, message, "uncertain", str(error))
        return "uncertain"
    except RetryLater as error:
        log.warning("outbox message waits", extra={"outbox_id": ids.encode(message.id), "reason": str(error)})
        _record(retry, message, str(error))
        return "retried"
    except Exception as error:
        db.session.rollback()
        log.exception("outbox message failed", extra={"outbox_id": ids.encode(message.id), "topic": message.topic})
        _record(retry, message, f"{type(error).__name__}: {error}")
        return "retried"
    _record(finish, message)
    return "done"


def _record(verb: Callable[..., None], message: Claimed, *details: Any) -> None:
    try:
        with unit_of_work() as session:
            verb(session, message, *details)
    except LeaseLost:
        log.warning("lease lost", extra={"outbox_id": ids.encode(message.id), "topic": message.topic})


BACKLOG = text("""
    SELECT (SELECT count(*) FROM outbox WHERE status = 'pending') AS pending,
           (SELECT min(created_at) FROM outbox WHERE status = 'pending') AS oldest,
           (SELECT count(*) FROM outbox WHERE status IN ('uncertain', 'dead')) AS uncertain
""")


def describe_backlog(row: Any, now: datetime) -> dict[str, Any]:
    """The figures of a row of `BACKLOG`."""
    age = max((now - row[1]).total_seconds(), 0.0) if row[1] else 0.0
    return {"pending": row[0], "oldestAgeSeconds": round(age, 3), "uncertain": row[2]}


def wake_workers(message_ids: list[UUID]) -> None:
    """Enqueue committed messages; when Redis is away the sweeper finds them later."""
    enqueue_ids(QueueName.MESSAGES, "portal.core.outbox.deliver", message_ids)


def init_app(app: Flask) -> None:
    """Wake workers after every commit that put something in the outbox."""
    outbox_signal.on_commit(wake_workers)
