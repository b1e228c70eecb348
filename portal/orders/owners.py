"""Whose an order is: the user that the shop names, else the holder of its verified address, else nobody yet."""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.accounts import UserNotFound
from portal.orders.models import Order
from portal.orders.rules import OrderRules
from portal.platform import ids
from portal.tiers import enrol

_HOLDER = text("SELECT id FROM users WHERE email = :email AND email_verified_at IS NOT NULL")

_LOCK_ADDRESSES = text("""
    SELECT pg_advisory_xact_lock(number)
    FROM (SELECT number FROM unnest(CAST(:numbers AS bigint[])) number ORDER BY number) sorted
""")
_MEMBER = text("SELECT id FROM loyalty_members WHERE user_id = :user_id")
_MEMBERSHIP = text("""
    SELECT m.id AS member_id FROM users u LEFT JOIN loyalty_members m ON m.user_id = u.id
    WHERE u.id = :user_id OR (CAST(:user_id AS text) IS NULL AND u.email = :email AND u.email_verified_at IS NOT NULL)
""")


class Owner(NamedTuple):
    """The member, or the hash of the address that an order waits for; neither: it belongs to nobody."""

    member_id: UUID | None = None
    email_hash: bytes | None = None


def find_owner(session: Session, user_id: str | None, email: str | None, key: bytes) -> Owner:
    """Whose an order of this user, or of this address, is. A user who is no member yet becomes one.

    The caller holds the lock of the address (`lock_addresses`).

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    if user_id is not None:
        return Owner(_enrol(session, user_id))
    if email is None:
        return Owner()
    holder = session.scalar(_HOLDER, {"email": email.strip().lower()})
    return Owner(_enrol(session, holder)) if holder is not None else Owner(None, hash_address(email, key))


def _enrol(session: Session, user_id: str) -> UUID:
    """The membership of a user, who gets one if there is none: of one that there is, nothing but its id is read."""
    return session.scalar(_MEMBER, {"user_id": user_id}) or enrol(session, user_id).id


def find_waiting(session: Session, email: str, now: datetime, rules: OrderRules) -> Sequence[Order]:
    """The orders that wait for this address, under their row locks. The caller holds the lock of the address.

    Orders that were received more than `ORDER_CLAIM_DAYS` ago stay nobody's.
    """
    waiting = (
        select(Order)
        .where(
            Order.email_hash == hash_address(email, rules.key),
            Order.member_id.is_(None),
            Order.received_at > now - rules.claim,
        )
        .order_by(Order.reference)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(waiting).all()


def find_holder(session: Session, user_id: str | None, email: str | None) -> UUID | None:
    """The membership that a cart of this user, or of this verified address, is for; None: nobody's.

    A user who would become a member by the order has `NO_ID`.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    if user_id is None and email is None:
        return None
    row = session.execute(_MEMBERSHIP, {"user_id": user_id, "email": (email or "").strip().lower()}).first()
    if row is None and user_id is not None:
        raise UserNotFound
    return None if row is None else row.member_id or ids.NO_ID


def hash_address(email: str, key: bytes) -> bytes:
    """The keyed hash of an address, whatever its case: what is kept of it while nobody has claimed the order."""
    return hmac.digest(key, f"order:{email.strip().lower()}".encode(), hashlib.sha256)


def lock_addresses(session: Session, emails: Collection[str], key: bytes) -> None:
    """Let those who look for an address's holder and those who claim its orders take turns, so that none is missed.

    These locks come before those of orders.
    """
    numbers = {int.from_bytes(hash_address(email, key)[:8], signed=True) for email in emails}
    session.execute(_LOCK_ADDRESSES, {"numbers": list(numbers)})
