"""The audit log: every write by an operator, with who, what, why, and the state before and after."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from flask import g, has_request_context
from sqlalchemy.orm import Session

from portal.platform.documents import Document, to_json
from portal.platform.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, when and why. `actor` is the name in the audit log: `user:ada-1`, `job:hold_expiry`."""

    actor: str
    now: datetime
    reason: str = ""


def record(
    session: Session,
    act: Act,
    *,
    action: str,
    object_type: str,
    object_id: str,
    before: Document | None = None,
    after: Document | None = None,
) -> None:
    """Add one entry to the audit log in the current transaction."""
    session.add(
        AuditEntry(
            at=act.now,
            actor=act.actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            reason=act.reason,
            before=_plain(before),
            after=_plain(after),
            request_id=g.get("request_id") if has_request_context() else None,
        )
    )


def _plain(state: Document | None) -> Document | None:
    return None if state is None else orjson.loads(to_json(state))
