"""One refund of an order: made, and undone (CONTRACT-EARNING 8.5)."""

from sqlalchemy.orm import Session

from portal.orders.models import Order
from portal.orders.problems import OrderNotFound, RefundConflict, RefundNotFound
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput, RefundInput, StoredRefund, load_state, store_refund
from portal.orders.taking import Taken, book_refunds, lock_order
from portal.orders.unmatched import drop_unmatched, keep_unmatched, lock_reference
from portal.platform.audit import Act
from portal.platform.problems import InvalidInput


def refund_order(session: Session, reference: str, refund: RefundInput, act: Act, rules: OrderRules) -> Taken | None:
    """Take back what a refund leaves no ground for; `created` is False if it is known already, and nothing happens.

    None: there is no such order yet, and the refund waits for it.

    :raises RefundConflict: if another refund of the order has this id.
    :raises portal.platform.problems.InvalidInput: if it names a line that the order does not have.
    """
    order = find_order(session, reference)
    if order is None:
        keep_unmatched(session, reference, refund, act.now)
        return None
    body, known = load_state(order.content, order.refunds)
    before = next((each for each in known if each.refund_id == refund.refund_id), None)
    if before is not None:
        if not before.says(refund):
            raise RefundConflict
        return Taken(order)
    demand_lines(body, refund)
    stored = StoredRefund.model_construct(**dict(refund), received_at=act.now, points=None)
    taken = book_refunds(session, order, [*order.refunds, store_refund(stored)], "refund", act, rules)
    taken.created = True
    return taken


def undo_refund(session: Session, reference: str, refund_id: str, act: Act, rules: OrderRules) -> Taken | None:
    """Let a refund never have been: what the order should have granted rises again. None: it waited for its order.

    :raises OrderNotFound: if there is no such order, and no refund that waits for it.
    :raises RefundNotFound: if the order has no such refund.
    """
    order = find_order(session, reference)
    if order is None:
        try:
            drop_unmatched(session, reference, refund_id)
        except RefundNotFound as error:
            raise OrderNotFound from error
        return None
    left = [each for each in order.refunds if each["refundId"] != refund_id]
    if len(left) == len(order.refunds):
        raise RefundNotFound
    return book_refunds(session, order, left, "refund_undone", act, rules)


def find_order(session: Session, reference: str) -> Order | None:
    """The order under its row lock; None if there is none, and nobody can make it until this transaction ends."""
    order = lock_order(session, reference)
    if order is None:
        lock_reference(session, reference)
        order = lock_order(session, reference)
    return order


def demand_lines(order: OrderInput, refund: RefundInput) -> None:
    """Refuse a refund of lines that the order does not have.

    :raises portal.platform.problems.InvalidInput: naming the first of them.
    """
    known = {line.line_id for line in order.lines}
    for number, part in enumerate(refund.lines):
        if part.line_id not in known:
            raise InvalidInput((f"lines.{number}.lineId", f"must be a line of the order, which has no {part.line_id}"))
