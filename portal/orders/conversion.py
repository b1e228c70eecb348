"""Referrals that orders convert, by the code on the order or by the invite its member came by, and take back again.

When the order that converted a referral falls below the minimum or to nothing, both sides' points are taken back
(CONTRACT-EARNING 8.5, R11); the friend's next order that is large enough may convert once more.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import referrals
from portal.orders.models import Order
from portal.orders.rules import OrderRules
from portal.orders.state import OrderStatus
from portal.platform.audit import Act
from portal.platform.problems import DomainError

NOT_CONVERTED = "referral_not_converted"

# The open invite that a friend registered through, else their latest conversion, if that was reversed by its order.
_FRIEND = text(f"""
    SELECT m.user_id, coalesce(i.code, last.code) AS code, coalesce(i.member_id, last.member_id) AS referrer_id
    FROM loyalty_members m
    LEFT JOIN loyalty_referral_invites i ON i.attributed_user_id = m.user_id AND {referrals.STILL_OPEN}
    LEFT JOIN LATERAL (
        SELECT code, member_id, status = 'reversed' AND NOT voided AS again FROM loyalty_referral_invites
        WHERE referee_user_id = m.user_id ORDER BY converted_at DESC LIMIT 1) last ON last.again
    WHERE m.id = :member_id
""")
_CONVERSIONS = text("""
    SELECT i.id, i.member_id, f.id AS friend_id FROM loyalty_referral_invites i
    JOIN loyalty_members f ON f.user_id = i.referee_user_id
    WHERE i.status = 'converted' AND i.order_reference = :reference AND i.converted_at >= :since
    ORDER BY i.id
""")
_PARTIES = text("""
    SELECT unnest(ARRAY[i.member_id, f.id]) AS id FROM loyalty_referral_invites i
    JOIN loyalty_members f ON f.user_id = i.referee_user_id
    WHERE i.status = 'converted' AND i.order_reference = ANY(:references)
    UNION
    SELECT i.member_id FROM loyalty_members m JOIN loyalty_referral_invites i ON i.attributed_user_id = m.user_id
    WHERE m.id = ANY(:member_ids)
    UNION
    SELECT i.member_id FROM loyalty_members m JOIN loyalty_referral_invites i ON i.referee_user_id = m.user_id
    WHERE m.id = ANY(:member_ids)
""")


class Candidate(NamedTuple):
    """A referral that an order of this user may convert: its code, and who made it. `told`: the order names it."""

    user_id: str
    code: str
    referrer_id: UUID | None
    told: bool = False


class Referring(NamedTuple):
    """The referrals that a change of an order may touch: one that it may convert, and those that it has converted."""

    candidate: Candidate | None
    conversions: Sequence[referrals.Conversion]

    def members(self) -> Iterator[UUID]:
        """The members of both sides of each, as far as they are known."""
        if self.candidate is not None and self.candidate.referrer_id is not None:
            yield self.candidate.referrer_id
        for conversion in self.conversions:
            yield from (conversion.member_id, conversion.friend_id)


class Stood(NamedTuple):
    """How an order stood before a change: whose it was, whether it was cancelled or a test, whether anything counted.

    `basis` is None if it had not been judged yet.
    """

    member_id: UUID | None
    gone: bool
    stands: bool
    basis: int | None

    @classmethod
    def of(cls, order: Order, *, created: bool = False) -> "Stood":
        """The order as it is now; one that is new may have converted a referral before it was first told of."""
        if created:
            return cls(None, gone=False, stands=True, basis=None)
        return cls(order.member_id, _is_gone(order), order.stands, order.basis)


def find_candidate(session: Session, member_id: UUID, code: str | None, now: datetime) -> Candidate | None:
    """The referral that an order of this member would convert; None if there is none. A code may be nobody's."""
    friend = session.execute(_FRIEND, {"member_id": member_id, "now": now}).one()
    if code is not None:
        target = referrals.find_code(session, code)
        return Candidate(friend.user_id, code, None if target is None else target.member_id, told=True)
    return Candidate(*friend) if friend.code is not None else None


def find_conversions(
    session: Session, reference: str, now: datetime, rules: OrderRules
) -> Sequence[referrals.Conversion]:
    """The conversions that this order has made, which stand, and are recent enough to be taken back."""
    if not rules.referrals.clawback:
        return ()
    values = {"reference": reference, "since": now - rules.referrals.clawback}
    return [referrals.Conversion(*row) for row in session.execute(_CONVERSIONS, values)]


def find_parties(
    session: Session, references: Collection[str], member_ids: Collection[UUID], codes: Iterable[str]
) -> set[UUID]:
    """Everybody whose points orders of these references, members and codes may change by a referral."""
    named = (referrals.find_code(session, code) for code in codes)
    values = {"references": list(references), "member_ids": list(member_ids)}
    found = session.scalars(_PARTIES, values).all()
    return {*found, *(target.member_id for target in named if target is not None)}


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
                referrals.Order(order.reference, order.basis, stands=True),
                act,
                rules=rules.referrals,
                earning=rules.points,
            )
    except DomainError as refusal:
        if candidate.told:
            order.warnings = [*order.warnings, {"code": NOT_CONVERTED, "what": refusal.code}]
        return None


def claw_back(
    session: Session,
    order: Order,
    before: Stood,
    conversions: Sequence[referrals.Conversion],
    refunded_at: datetime | None,
    act: Act,
    rules: OrderRules,
) -> list[referrals.TakenBack]:
    """Take back the conversions of an order that this change has brought below the minimum, to nothing, or away from
    the friend; `refunded_at` is when that was refunded. The caller holds the row locks of both sides of each."""
    fallen = _has_fallen(order, before, rules.referrals.minimum_order)
    moved = {before.member_id} if before.member_id != order.member_id else set()
    taken_back = [
        referrals.claw_back(session, conversion, refunded_at, act, rules.shortfall, rules.points)
        for conversion in conversions
        if fallen or conversion.friend_id in moved
    ]
    return [each for each in taken_back if each is not None]


def _is_gone(order: Order) -> bool:
    return order.test or order.status == OrderStatus.CANCELLED


def _has_fallen(order: Order, before: Stood, minimum: int) -> bool:
    """Whether this change has left nothing of the order, or less than the minimum; one not judged yet has not fallen.

    Of an order whose currency is not converted any more nothing counts.
    An order that was lowered before stays as it was judged then, even if the minimum was raised meanwhile.
    """
    if _is_gone(order):
        return not before.gone
    if order.basis is None:
        return before.basis is not None and minimum > 0
    if not order.stands:
        return before.stands
    lowered = bool(order.refunds) if before.basis is None else order.basis < before.basis
    return lowered and order.basis < minimum
