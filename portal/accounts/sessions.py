"""Sign-ins: one `auth_sessions` row each. Ending the row ends the session at its next request."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, User
from portal.accounts.principal import SignedIn
from portal.core import clock, ids

KEPT_AFTER_END = timedelta(days=30)
LONGEST_USER_AGENT, LONGEST_ADDRESS = 300, 64


def open_session(session: Session, user: User, *, days: int, user_agent: str, address: str) -> SignedIn:
    """Sign a user in for `days`; what it returns is given to Flask-Login."""
    now = clock.now()
    row = AuthSession(
        id=ids.new_id(), user_id=user.id, created_at=now, last_seen_at=now, expires_at=now + timedelta(days=days),
        user_agent=user_agent[:LONGEST_USER_AGENT], address=address[:LONGEST_ADDRESS],
    )  # fmt: skip
    session.add(row)
    session.flush()
    verified = user.email_verified_at is not None
    return SignedIn(row.id, user.id, user.name, user.email, user.role, user.timezone, user.locale, verified)


def end_session(session: Session, session_id: UUID) -> bool:
    """End one sign-in; False when it had ended."""
    return _end(session, AuthSession.id == session_id) == 1


def end_sessions_of(session: Session, user_id: str) -> int:
    """End every sign-in of a user; returns how many were live."""
    return _end(session, AuthSession.user_id == user_id)


def list_sessions(session: Session, user_id: str) -> Sequence[AuthSession]:
    """The live sign-ins of a user, newest first."""
    statement = (
        select(AuthSession)
        .where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None), AuthSession.expires_at > clock.now())
        .order_by(AuthSession.id.desc())
    )
    return session.scalars(statement).all()


def _end(session: Session, which: Any) -> int:
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(AuthSession).where(which, AuthSession.revoked_at.is_(None)).values(revoked_at=clock.now())
    )
    return result.rowcount
