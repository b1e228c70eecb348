"""Sending once: claim the row and commit, call the provider outside any transaction, record the outcome.

A worker that dies in between leaves the row `claimed`; whoever finds it marks it `uncertain`, and it is never sent
again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.notifications.channels import Envelope, NotAccepted, Receipt, Refused
from portal.notifications.channels.preview import BACKEND as PREVIEW
from portal.notifications.models import ChannelName, Message, MessageStatus
from portal.notifications.totals import counting
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.db.reads import read_one
from portal.platform.documents import Document, to_json
from portal.platform.outbox import OutcomeUnknown, RetryLater

MAX_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """A message row that this worker has claimed."""

    id: UUID
    attempts: int


class Ended(NamedTuple):
    """How a message ended, or its current state."""

    status: str
    reason: str
    backend: str | None
    sent_at: datetime | None


_CLAIM = text("""
    INSERT INTO messages (id, dedupe_key, kind, channel, user_id, status, details, created_at, updated_at)
    VALUES (:id, :key, :kind, :channel, :user_id, 'claimed', CAST(:details AS jsonb), :now, :now)
    ON CONFLICT (dedupe_key) DO UPDATE
        SET status = 'claimed', channel = excluded.channel, attempts = messages.attempts + 1, updated_at = :now
        WHERE messages.status = 'deferred'
    RETURNING id, attempts
""")
_SUPPRESS = counting("""
    INSERT INTO messages (id, dedupe_key, kind, channel, user_id, status, reason, details, created_at, updated_at)
    VALUES (:id, :key, :kind, :channel, :user_id, 'suppressed', :reason, CAST(:details AS jsonb), :now, :now)
    ON CONFLICT (dedupe_key) DO UPDATE SET status = 'suppressed', reason = excluded.reason, updated_at = :now
        WHERE messages.status = 'deferred'
    RETURNING kind, channel
""")
_ABANDON = counting("""
    UPDATE messages SET status = 'uncertain', reason = 'the worker was lost while sending', updated_at = :now
    WHERE dedupe_key = :key AND status = 'claimed'
    RETURNING kind, channel
""")
_STATUS = text("SELECT status FROM messages WHERE dedupe_key = :key")
_ENDED = text("SELECT status, reason, backend, sent_at FROM messages WHERE dedupe_key = :key")
_RECORD = counting("""
    UPDATE messages SET status = :status, reason = :reason, backend = :backend, recipient = :recipient,
        subject = :subject, body_text = :body_text, body_html = :body_html, updated_at = :now,
        sent_at = :sent_at
    WHERE id = :id AND attempts = :attempts AND status IN ('claimed', 'uncertain')
    RETURNING kind, channel
""")


def suppress(
    key: str,
    kind: str,
    reason: str,
    *,
    user_id: str | None,
    channel: ChannelName | None = None,
    details: Document | None = None,
) -> None:
    """Record that a message is not sent, and why."""
    values = _row(key, kind, channel, user_id, details)
    with unit_of_work() as session:
        session.execute(_SUPPRESS, {**values, "reason": reason, "outcome": "suppressed"})


def get_ended(key: str) -> Ended | None:
    """How the message `key` ended; None if there is no such message yet."""
    return read_one(_ENDED, {"key": key}, Ended)


def count_since(session: Session, user_id: str, kind: str, since: datetime) -> int:
    """How many messages of a kind to this user, created after `since`, were not suppressed."""
    mine = select(func.count()).where(Message.user_id == user_id, Message.kind == kind, Message.created_at > since)
    return session.scalar(mine.where(Message.status != MessageStatus.SUPPRESSED)) or 0


def abandon(key: str) -> Ended | None:
    """Give up a message whose worker was lost: if it was being sent, it becomes uncertain. Returns as `get_ended`."""
    with unit_of_work() as session:
        session.execute(_ABANDON, {"key": key, "now": clock.now(), "outcome": "uncertain"})
    return get_ended(key)


def send_once(
    key: str,
    kind: str,
    channel: ChannelName,
    send: Callable[[Envelope], Receipt],
    compose: Callable[[str], Envelope],
    *,
    user_id: str | None,
    details: Document | None = None,
) -> str:
    """Send what `compose` makes for the message's reference, once for `key`; returns the message's status.

    :raises RetryLater: if the provider has certainly not accepted it.
    :raises Refused: if the address no longer exists (`gone`).
    :raises OutcomeUnknown: if it may have accepted it; the message is never sent again.
    """
    claim = _claim(key, kind, channel, user_id, details)
    if isinstance(claim, str):
        return claim
    envelope = compose(ids.encode(claim.id))
    try:
        receipt = send(envelope)
    except NotAccepted as error:
        return _defer(claim, envelope, str(error))
    except Refused as error:
        _record(claim, "failed", str(error), None, envelope)
        if error.gone:
            raise
        return "failed"
    except Exception as error:
        _record(claim, "uncertain", f"{error or type(error).__name__}", None, envelope)
        raise OutcomeUnknown(str(error)) from error
    _record(claim, "sent", receipt.note, receipt.backend, envelope)
    return "sent"


def _claim(key: str, kind: str, channel: ChannelName, user_id: str | None, details: Document | None) -> Claim | str:
    """Claim the row; returns its status instead if the message is already decided."""
    values = _row(key, kind, channel, user_id, details)
    with unit_of_work() as session:
        row = session.execute(_CLAIM, values).first()
        if row is not None:
            return Claim(row.id, row.attempts)
        session.execute(_ABANDON, {**values, "outcome": "uncertain"})
        status = str(session.scalar(_STATUS, values))
    if status == "uncertain":
        raise OutcomeUnknown("the worker was lost while sending")
    return status


def _defer(claim: Claim, envelope: Envelope, reason: str) -> str:
    if claim.attempts >= MAX_ATTEMPTS:
        _record(claim, "failed", f"given up: {reason}", None, envelope)
        return "failed"
    _record(claim, "deferred", reason, None, envelope)
    raise RetryLater(reason)


def _record(claim: Claim, status: str, reason: str, backend: str | None, envelope: Envelope) -> None:
    """Record the outcome; store the address and content only if the preview inbox took the message."""
    kept = envelope if backend == PREVIEW else None
    now = clock.now()
    values = {
        "id": claim.id,
        "attempts": claim.attempts,
        "status": status,
        "reason": reason[:500],
        "backend": backend,
        "recipient": kept and kept.to,
        "subject": kept and kept.subject,
        "body_text": kept and kept.text,
        "body_html": kept and kept.html,
        "now": now,
        "sent_at": now if status == "sent" else None,
    }
    with unit_of_work() as session:
        session.execute(_RECORD, {**values, "outcome": status})


def _row(key: str, kind: str, channel: ChannelName | None, user_id: str | None, details: Document | None) -> Document:
    return {
        "id": ids.new_id(),
        "key": key,
        "kind": kind,
        "channel": channel.value if channel else None,
        "user_id": user_id,
        "details": to_json(details or {}).decode(),
        "now": clock.now(),
    }
