"""What operators do about work that the outbox gave up: retry what was not done, close what may have been done."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.db import after_commit
from portal.platform.problems import Conflict, NotFound

_REVIVE = text("""
    UPDATE outbox SET status = 'pending', attempts = 0, fence = fence + 1, next_attempt_at = :now, finished_at = NULL
    WHERE id = :id AND status = 'dead' RETURNING topic, last_error
""")
_CLOSE = text("""
    UPDATE outbox SET status = 'done', finished_at = :now FROM (SELECT status AS old FROM outbox WHERE id = :id) before
    WHERE id = :id AND status IN ('dead', 'uncertain') RETURNING topic, last_error, old
""")
_STATUS = text("SELECT status FROM outbox WHERE id = :id")


def revive(session: Session, message_id: UUID, act: Act) -> None:
    """Make dead work pending again, with its attempts counted from zero.

    Consumers are idempotent: even then they do not send a message again whose outcome is unknown.

    :raises NotFound: if there is no such work.
    :raises Conflict: if it is not dead; `uncertain` work may have been done and is never tried again.
    """
    row = session.execute(_REVIVE, {"id": message_id, "now": act.now}).first()
    if row is None:
        raise _refusal(session, message_id)
    after_commit.remember(session, [message_id])
    audit.record(
        session,
        act,
        action="outbox.retry",
        object_type="outbox",
        object_id=ids.encode(message_id),
        before={"status": "dead", "topic": row.topic, "error": row.last_error},
        after={"status": "pending"},
    )


def close(session: Session, message_id: UUID, act: Act) -> None:
    """Close dead or uncertain work without doing it, so that nobody need look at it any more.

    :raises NotFound: if there is no such work.
    :raises Conflict: if it is neither dead nor uncertain.
    """
    row = session.execute(_CLOSE, {"id": message_id, "now": act.now}).first()
    if row is None:
        raise _refusal(session, message_id)
    audit.record(
        session,
        act,
        action="outbox.close",
        object_type="outbox",
        object_id=ids.encode(message_id),
        before={"status": row.old, "topic": row.topic, "error": row.last_error},
        after={"status": "done"},
    )


def _refusal(session: Session, message_id: UUID) -> NotFound | Conflict:
    status = session.scalar(_STATUS, {"id": message_id})
    return NotFound() if status is None else Conflict(f"It is {status}.")
