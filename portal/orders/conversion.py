"""Referrals that orders convert: by the code on the order, or by the invite its member registered through."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import referrals
from portal.orders.models import Order
from portal.orders.rules import OrderRules
from portal.platform.audit import Act
from portal.platform.problems import DomainError

NOT_CONVERTED = "referral_not_converted"

_FRIEND = text(f"""
    SELECT m.user_id, i.code, i.member_id AS referrer_id FROM loyalty_members m
    LEFT JOIN loyalty_referral_invites i ON i.attributed_user_id = m.user_id AND {referrals.STILL_OPEN}
    WHERE m.id = :member_id
""")


class Candidate(NamedTuple):
    """A referral that an order of this user may convert: its code, and who made it. `told`: the order names it."""

    user_id: str
    code: str
    referrer_id: UUID | None
    told: bool = False


def find_candidate(session: Session, member_id: UUID, code: str | None, now: datetime) -> Candidate | None:
    """The referral that an order of this member would convert; None if there is none. A code may be nobody's."""
    friend = session.execute(_FRIEND, {"member_id": member_id, "now": now}).one()
    if code is not None:
        target = referrals.find_code(session, code)
        return Candidate(friend.user_id, code, None if target is None else target.member_id, told=True)
    return Candidate(*friend) if friend.code is not None else None


def convert_by_order(
    session: Session, order: Order, candidate: Candidate | None, act: Act, rules: OrderRules
) -> referrals.Completed | None:
    """Convert the referral of an order that earns, once it is large enough; None if that is not done.

    A code that cannot convert is a warning of the order, never a refusal. The caller holds both members' row locks.
    """
    order.warnings = [each for each in order.warnings if each["code"] != NOT_CONVERTED]
    if candidate is None or not order.stands:
        return None
    try:
        with session.begin_nested():
            return referrals.complete_referral(
                session,
                candidate.code,
                candidate.user_id,
                referrals.Order(order.reference, order.basis),
                act,
                rules=rules.referrals,
                earning=rules.points,
            )
    except DomainError as refusal:
        if candidate.told:
            order.warnings = [*order.warnings, {"code": NOT_CONVERTED, "what": refusal.code}]
        return None
