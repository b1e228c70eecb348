"""Points that an order was paid with come back as its goods do (CONTRACT-EARNING 8.5, R8, R9)."""

from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from uuid import UUID

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
    named = {_canonical(tender.redemption_id) for tender in tenders if tender.redemption_id}
    found = _find(session, order.member_id, named | order.restores.keys())
    for key, redemption in sorted(found.items()):
        if redemption.status == RedemptionStatus.REQUESTED:
            _release(session, redemption, share if key in named else Fraction(), act)
        elif redemption.status in TAKEN:
            _move(session, order, key, redemption, share if key in named else Fraction(), act, rules, booked)
    warned = [{"code": UNKNOWN, "what": key} for key in sorted(named - found.keys())] if share else []
    if share and any(tender.redemption_id is None for tender in tenders):
        warned.append({"code": UNNAMED, "what": ""})
    order.warnings = [each for each in order.warnings if each["code"] not in (UNNAMED, UNKNOWN)] + warned


def share_given_back(state: OrderInput, refunds: list[StoredRefund]) -> Fraction:
    """How much of its products' money an order has given back, by the refunds that restore points.

    Where nothing of it is a product (a gift card alone), its lines are what was bought.
    """
    if state.status is OrderStatus.CANCELLED:
        return WHOLE
    restoring = [refund for refund in refunds if refund.restore == "auto"]
    left = compute_remaining(state, restoring, state.placed_at).lines
    nets = compute_nets(make_cart(state, state.placed_at))
    lines = list(zip(state.lines, nets, strict=True))
    bought = [(line, net) for line, net in lines if line.kind is LineKind.PRODUCT] or lines
    whole = sum(net for _, net in bought)
    if not whole:
        return Fraction(not any(left[line.line_id].share for line, _ in bought))
    rest = sum((left[line.line_id].share * net for line, net in bought), Fraction())
    return WHOLE - rest / whole


def _canonical(redemption_id: str) -> str:
    """The one way to write this id; what is no id stays as the shop has written it."""
    known = ids.parse(redemption_id)
    return redemption_id if known is None else ids.encode(known)


def _find(session: Session, member_id: UUID, keys: set[str]) -> dict[str, Redemption]:
    """The member's redemptions among these, by what the order calls them."""
    known = {key: redemption_id for key in keys if (redemption_id := ids.parse(key)) is not None}
    found = redemptions.list_redemptions_of(session, member_id, known.values())
    return {key: found[redemption_id] for key, redemption_id in known.items() if redemption_id in found}


def _release(session: Session, redemption: Redemption, share: Fraction, act: Act) -> None:
    """Cancel a request that was not handed over, once nothing of the order remains."""
    if share == WHOLE:
        reason = act.reason or "The order was given back"
        redemptions.release_redemption(session, redemption.id, RedemptionStatus.CANCELLED, replace(act, reason=reason))


def _move(
    session: Session,
    order: Order,
    key: str,
    redemption: Redemption,
    share: Fraction,
    act: Act,
    rules: OrderRules,
    booked: Booked,
) -> None:
    """Let the redemption have back its share, less what it got before."""
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
