"""Devices that a user has signed in with before: nobody's failures keep them out, and a new one is told of."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from portal.accounts.models import KnownDevice
from portal.core import clock

LIFE = timedelta(days=400)
MOST_KEPT = 50

# The statement sees the table as it was before, so that the others are those known until now.
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
    """How a device is stored: its secret has 256 random bits, so that a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def remember_device(session: Session, user_id: str, device_hash: bytes) -> bool:
    """Know the device that a user signs in with; True when they have signed in before, and never with this one.

    A user's newest 50 are kept.
    """
    values = {"user_id": user_id, "device_hash": device_hash, "now": clock.now()}
    row = session.execute(_REMEMBER, values).one()
    if row.is_new:
        session.execute(_FORGET_OLDEST, {"user_id": user_id, "most": MOST_KEPT})
    return bool(row.is_new and row.has_others)


def forget_devices_of(session: Session, user_id: str) -> None:
    """Know none of a user's devices any more, as their password is another one."""
    session.execute(delete(KnownDevice).where(KnownDevice.user_id == user_id))
