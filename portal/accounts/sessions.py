"""Sign-ins: one `auth_sessions` row each. Ending the row ends the session at its next request."""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, text, update
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, KnownDevice, User
from portal.platform import clock, ids
from portal.platform.db import count_changed

MAX_USER_AGENT_LENGTH, MAX_ADDRESS_LENGTH = 300, 64


def open_session(session: Session, user: User, *, days: int, user_agent: str, address: str) -> AuthSession:
    """Sign a user in for `days`."""
    now = clock.now()
    row = AuthSession(
        id=ids.new_id(),
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(days=days),
        user_agent=user_agent[:MAX_USER_AGENT_LENGTH],
        address=address[:MAX_ADDRESS_LENGTH],
    )
    session.add(row)
    session.flush()
    return row


def end_session(session: Session, session_id: UUID) -> bool:
    """End one sign-in; False if it had already ended."""
    return _end(session, AuthSession.id == session_id) == 1


def end_sessions_of(session: Session, user_id: str) -> int:
    """End every sign-in of a user; returns how many were live."""
    return _end(session, AuthSession.user_id == user_id)


def _end(session: Session, which: ColumnElement[bool]) -> int:
    ending = update(AuthSession).where(which, AuthSession.revoked_at.is_(None)).values(revoked_at=clock.now())
    return count_changed(session.execute(ending))


LIFE = timedelta(days=400)
MAX_KEPT = 50

# The statement sees the table as it was before, so `has_others` counts only devices known until now.
_REMEMBER = text("""
    INSERT INTO known_devices (user_id, device_hash, created_at, last_used_at)
    VALUES (:user_id, :device_hash, :now, :now)
    ON CONFLICT (user_id, device_hash) DO UPDATE SET last_used_at = excluded.last_used_at
    RETURNING xmax = 0 AS is_new, EXISTS (SELECT FROM known_devices o WHERE o.user_id = :user_id) AS has_others
""")
_FORGET_OLDEST = text("""
    DELETE FROM known_devices WHERE user_id = :user_id AND device_hash IN (
        SELECT device_hash FROM known_devices WHERE user_id = :user_id ORDER BY last_used_at DESC OFFSET :most)
""")


def hash_device(secret: str) -> bytes:
    """How a device is stored: its secret has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def remember_device(session: Session, user_id: str, device_hash: bytes) -> bool:
    """Store the device that a user signs in with; True if it is new and they have other known devices.

    The 50 that a user has used last are kept.
    """
    values = {"user_id": user_id, "device_hash": device_hash, "now": clock.now()}
    row = session.execute(_REMEMBER, values).one()
    if row.is_new:
        session.execute(_FORGET_OLDEST, {"user_id": user_id, "most": MAX_KEPT})
    return bool(row.is_new and row.has_others)


def forget_devices_of(session: Session, user_id: str) -> None:
    """Forget all devices of a user."""
    session.execute(delete(KnownDevice).where(KnownDevice.user_id == user_id))
