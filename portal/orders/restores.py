"""Points that an order was paid with come back as its goods do (CONTRACT-EARNING 8.5, R8, R9)."""

from dataclasses import replace
from fractions import Fraction
from itertools import groupby

from sqlalchemy.orm import Session

from portal import redemptions
from portal.earning import LineKind, TenderKind, compute_nets
from portal.orders.booking import Booked, Returned
from portal.orders.judging.remaining import compute_remaining, make_cart
from portal.orders.models import Order
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput, OrderStatus, StoredRefund, load_state
from portal.platform import ids
from portal.platform.audit import Act
from portal.redemptions import Redemption, RedemptionStatus

UNNAMED, UNKNOWN = "tender_without_redemption", "redemption_not_restored"
WHOLE = Fraction(1)
TAKEN = (RedemptionStatus.FULFILLED, RedemptionStatus.REFUNDED)


def book_restores(session: Session, order: Order, booked: Booked, act: Act, rules: OrderRules) -> None:
    """Give back, or take again, what the order's state says of the points that it was paid with; adds to `booked`.

    The caller holds the row locks of the order and its member, and has taken back what was earned.
    """
    if order.member_id is None or not (order.content.get("tenders") or order.restores):
        return
    state, refunds = load_state(order.content, order.refunds)
    share = Fraction() if order.test else share_given_back(state, refunds)
    tenders = [tender for tender in state.tenders if tender.kind is TenderKind.POINTS]
    named = {tender.redemption_id: ids.parse(tender.redemption_id) for tender in tenders if tender.redemption_id}
    wanted = {*named.values(), *map(ids.parse, order.restores)}
    known = [redemption_id for redemption_id in wanted if redemption_id is not None]
    found = redemptions.list_redemptions_of(session, order.member_id, known)
    for redemption_id, redemption in sorted(found.items()):
        part = share if redemption_id in named.values() else Fraction()
        if redemption.status == RedemptionStatus.REQUESTED:
            _release(session, redemption, part, act)
        elif redemption.status in TAKEN:
            _move(session, order, redemption, part, act, rules, booked)
    unknown = sorted(key for key, redemption_id in named.items() if redemption_id not in found)
    warned = [{"code": UNKNOWN, "what": key} for key in unknown] if share else []
    if share and any(tender.redemption_id is None for tender in tenders):
        warned.append({"code": UNNAMED, "what": ""})
    order.warnings = [each for each in order.warnings if each["code"] not in (UNNAMED, UNKNOWN)] + warned


def share_given_back(state: OrderInput, refunds: list[StoredRefund]) -> Fraction:
    """How much of its products' money an order has given back, by the refunds that restore points."""
    if state.status is OrderStatus.CANCELLED:
        return WHOLE
    restoring = [refund for refund in refunds if refund.restore == "auto"]
    left = compute_remaining(state, restoring, state.placed_at).lines
    nets = compute_nets(make_cart(state, state.placed_at))
    products = [(line, net) for line, net in zip(state.lines, nets, strict=True) if line.kind is LineKind.PRODUCT]
    whole = sum(net for _, net in products)
    if not whole:
        return Fraction(not any(left[line.line_id].share for line, _ in products))
    rest = sum((left[line.line_id].share * net for line, net in products), Fraction())
    return WHOLE - rest / whole


def _release(session: Session, redemption: Redemption, share: Fraction, act: Act) -> None:
    """Cancel a request that was not handed over, once nothing of the order remains."""
    if share == WHOLE:
        reason = act.reason or "The order was given back"
        redemptions.release_redemption(session, redemption.id, RedemptionStatus.CANCELLED, replace(act, reason=reason))


def _move(
    session: Session,
    order: Order,
    redemption: Redemption,
    share: Fraction,
    act: Act,
    rules: OrderRules,
    booked: Booked,
) -> None:
    """Let the redemption have back its share, less what it got before."""
    key = ids.encode(redemption.id)
    before = order.restores.get(key, 0)
    wanted = int(redemption.points * share)
    given = min(wanted - before, redemption.points - redemption.restored)
    facts = {"order_reference": order.reference}
    if given > 0:
        plan = redemptions.plan_part(session, redemption, given, act.now, rules.restoring)
        for until, parts in groupby(plan, key=lambda part: part.expires_at):
            booked.returned.append(Returned(key, sum(part.points for part in parts), until))
        booked.entries.append(redemptions.restore_part(session, redemption, given, act, rules.restoring, facts))
    elif wanted < before:
        given = -min(before - wanted, redemption.restored)
        if given:
            booked.entries.append(redemptions.retake_part(session, redemption, -given, act, rules.restoring, facts))
    if given:
        order.restores = {**order.restores, key: before + given}
