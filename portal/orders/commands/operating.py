"""What operators do with an order: let its points become active before their date, say whose it is, and more.

When they let a suspended member be active again, the orders that earned nothing meanwhile are looked at again.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.orders.booking import Booked
from portal.orders.judging.snapshot import SOURCE
from portal.orders.judging.targets import NoPoints
from portal.orders.problems import NothingPending, OrderClaimed, OrderNotFound
from portal.orders.rules import OrderRules
from portal.orders.taking import Taken, book_refunds, give_orders, lock_order
from portal.orders.unmatched import drop_unmatched, lock_reference
from portal.platform import audit
from portal.platform.audit import Act
from portal.tiers import enrol

REACTIVATION_TOPIC = "orders.member_reactivated"
_HELD_BACK = text("""
    SELECT reference FROM loyalty_orders
    WHERE member_id = :member_id AND reasons @> ARRAY['member_suspended'] AND reference > :after
    ORDER BY reference LIMIT :limit
""")


def release_order(session: Session, reference: str, act: Act, rules: OrderRules) -> Taken:
    """Activate what is pending of an order now; what it earns from here on is active at once. Written to the audit log.

    :raises OrderNotFound: if there is no such order.
    :raises NothingPending: if nothing of it is pending.
    """
    order = lock_order(session, reference)
    if order is None:
        raise OrderNotFound
    posted = ledger.activate_now(session, SOURCE, reference, act.now, rules=rules.points)
    if not posted.entries:
        raise NothingPending
    order.released_at, order.changed_at = act.now, act.now
    audit.record(
        session,
        act,
        action="order.release",
        object_type="order",
        object_id=reference,
        after={"points": sum(entry.amount for entry in posted.entries)},
    )
    session.flush()
    return Taken(order, booked=Booked(posted.entries + posted.recoveries, posted.upgrades))


def claim_order(session: Session, reference: str, user_id: str, act: Act, rules: OrderRules) -> Taken:
    """Give an order that is nobody's to this user. Written to the audit log.

    :raises OrderNotFound: if there is no such order.
    :raises portal.orders.problems.OrderClaimed: if it belongs to a member.
    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    order = lock_order(session, reference)
    if order is None:
        raise OrderNotFound
    if order.member_id is not None:
        raise OrderClaimed
    (taken,) = give_orders(session, [order], enrol(session, user_id).id, act, rules)
    audit.record(
        session, act, action="order.claim", object_type="order", object_id=reference, after={"userId": user_id}
    )
    return taken


def forget_refund(session: Session, reference: str, refund_id: str, act: Act) -> None:
    """Forget a refund whose order has not come. Written to the audit log.

    :raises portal.orders.problems.RefundNotFound: if there is none, or its order has come.
    """
    lock_reference(session, reference)
    drop_unmatched(session, reference, refund_id)
    audit.record(
        session,
        act,
        action="order.forget_refund",
        object_type="order",
        object_id=reference,
        before={"refundId": refund_id},
    )


def list_held_back(session: Session, member_id: UUID, *, after: str, limit: int) -> Sequence[str]:
    """The references behind `after` of orders that earn less because their member is, or was, suspended."""
    return session.scalars(_HELD_BACK, {"member_id": member_id, "after": after, "limit": limit}).all()


def look_again(session: Session, reference: str, act: Act, rules: OrderRules) -> None:
    """Book what an order has earned while its member was suspended; if they still are, or that was done, nothing."""
    order = lock_order(session, reference)
    if order is None or NoPoints.MEMBER_SUSPENDED not in order.reasons:
        return
    book_refunds(session, order, order.refunds, "reactivation", act, rules)
