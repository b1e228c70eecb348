"""The audit log: every operator write, with who, what, before, after and why."""

import orjson
from flask import g, has_request_context
from sqlalchemy.orm import Session

from portal.platform import clock
from portal.platform.documents import Document
from portal.platform.models import AuditEntry
from portal.platform.web.responses import to_json


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    object_type: str,
    object_id: str,
    reason: str = "",
    before: Document | None = None,
    after: Document | None = None,
) -> None:
    """Add one line to the audit log in the current transaction."""
    session.add(
        AuditEntry(
            at=clock.now(),
            actor=actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            reason=reason,
            before=_plain(before),
            after=_plain(after),
            request_id=g.get("request_id") if has_request_context() else None,
        )
    )


def _plain(state: Document | None) -> Document | None:
    return None if state is None else orjson.loads(to_json(state))
