"""Taking an order in: its absolute state, however often and in whatever order it comes (CONTRACT-EARNING 8.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import referrals
from portal.earning import compute_nets
from portal.members import lock_members
from portal.orders.booking import Booked, book, take_all_back
from portal.orders.conversion import Referring, Stood, claw_back, convert_by_order, find_candidate, find_conversions
from portal.orders.judging.remaining import make_cart
from portal.orders.models import Order
from portal.orders.owners import Owner, find_owner, lock_addresses
from portal.orders.restores import book_restores
from portal.orders.rules import OrderRules
from portal.orders.state import REACHED, OrderInput, OrderStatus, StoredRefund, load_state, store_refund
from portal.orders.unmatched import LOCK_REFUNDS, claim_unmatched
from portal.platform.audit import Act
from portal.platform.documents import Document, to_json
from portal.platform.problems import InvalidInput

STALE, NOT_CLAIMED = "stale", "not_claimed"

_MAKE = select(Order).from_statement(
    text(f"""
        INSERT INTO loyalty_orders (reference, status, currency, placed_at, received_at, changed_at,
                                    content, refunds, total, reasons, warnings)
        SELECT :reference, :status, :currency, CAST(:placed_at AS timestamptz), CAST(:now AS timestamptz),
               CAST(:now AS timestamptz), '{{}}', '[]', 0, '{{}}', '[]' FROM (SELECT {LOCK_REFUNDS}) refunds
        ON CONFLICT DO NOTHING RETURNING *
    """)
)
_KEEP_STATE = text("""
    INSERT INTO loyalty_order_states (reference, change, cause, at, actor, member_id, content, refunds, grants)
    SELECT reference, change, :cause, :at, :actor, member_id, content, refunds, CAST(:grants AS jsonb)
    FROM loyalty_orders WHERE reference = :reference
""")


@dataclass(slots=True)
class Taken:
    """The order as it is now, and what this call has done; `ignored` says why it has done nothing."""

    order: Order
    created: bool = False
    booked: Booked = field(default_factory=Booked)
    converted: referrals.Completed | None = None
    taken_back: Sequence[referrals.TakenBack] = ()
    ignored: str | None = None


def put_order(
    session: Session, reference: str, body: OrderInput, act: Act, rules: OrderRules, *, history: bool = False
) -> Taken:
    """Store this state of the order and book what follows; the same state again, or an older one, changes nothing.

    Refunds that came before the order are among those that are known.

    `history` sends no message, counts for no streak and converts no referral; its points live from when it was placed.
    What was judged as history stays so, whatever is told of it later.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    with session.no_autoflush:  # what is read meanwhile does not depend on what the order becomes
        return _put(session, reference, body, act, rules, history=history)


def _put(session: Session, reference: str, body: OrderInput, act: Act, rules: OrderRules, *, history: bool) -> Taken:
    if body.waits_for is not None:
        lock_addresses(session, [body.waits_for], rules.key)  # before the order, as those do who claim it
    order, created = _lock(session, reference, body, act.now)
    if not created and _is_stale(order, body):
        return Taken(order, ignored=STALE)
    owner = find_owner(session, body.user_id, body.email, rules.key)
    refunds = _merge_refunds(order, body, act.now)
    same = not created and order.content == body.content() and order.refunds == refunds
    order.stated_at = body.updated_at or order.stated_at
    if same and not _moves(order, owner):
        session.flush()
        return Taken(order)
    new = created and not refunds and body.status is not OrderStatus.CANCELLED and not body.test
    before = Stood.of(order, created=created)
    referring = _find_referring(session, order, owner, body, act.now, rules, new=new, history=history)
    _lock_everybody(session, order, owner, referring)
    order.change += 1
    order.history = history or (order.history and order.snapshot is not None)
    moved = _move(session, order, owner, act.now, rules)
    _store(order, body, refunds, act.now)
    taken = _settle(session, order, before, referring, "put", act, rules)
    return replace(taken, created=created, booked=_join(moved, taken.booked))


def book_refunds(
    session: Session, order: Order, refunds: list[Document], cause: str, act: Act, rules: OrderRules
) -> Taken:
    """Let these be the order's refunds from now on, and book what follows. The caller holds the order's row lock."""
    with session.no_autoflush:
        body, _ = load_state(order.content, order.refunds)
        owner, before = Owner(order.member_id), Stood.of(order)
        referring = _find_referring(session, order, owner, body, act.now, rules, history=order.history)
        _lock_everybody(session, order, owner, referring)
        order.change += 1
        order.refunds, order.changed_at = refunds, act.now
        return _settle(session, order, before, referring, cause, act, rules)


def give_orders(
    session: Session, orders: Sequence[Order], member_id: UUID, act: Act, rules: OrderRules, *, spare: bool = False
) -> list[Taken]:
    """Give these orders, which are nobody's, to this member, and book what follows. The caller holds their locks.

    With `spare`, one that counts for more than any order may stays nobody's, with a warning.

    :raises portal.platform.problems.InvalidInput: else, if one counts for more than any order may.
    """
    with session.no_autoflush:
        owner, found = Owner(member_id), list[tuple[Order, Stood, Referring]]()
        for order in orders:
            body, _ = load_state(order.content, order.refunds)
            referring = _find_referring(session, order, owner, body, act.now, rules, history=order.history)
            found.append((order, Stood.of(order), referring))
        lock_members(session, {member_id, *(each for _, _, referring in found for each in referring.members())})
        given = []
        for order, before, referring in found:
            try:
                with session.begin_nested():
                    order.member_id, order.email_hash = owner
                    order.change += 1
                    given.append(_settle(session, order, before, referring, "claim", act, rules))
            except InvalidInput as refusal:
                if not spare:
                    raise
                others = [each for each in order.warnings if each["code"] != NOT_CLAIMED]
                order.warnings = [*others, {"code": NOT_CLAIMED, "what": refusal.detail}]
        session.flush()
        return given


def _settle(
    session: Session, order: Order, before: Stood, referring: Referring, cause: str, act: Act, rules: OrderRules
) -> Taken:
    """Book what an order's new state makes of its points and of its referrals, and keep that state."""
    booked = book(session, order, act.now, rules)
    taken_back = claw_back(session, order, before, referring.conversions, booked.refunded_at, act, rules)
    book_restores(session, order, booked, act, rules)
    converted = convert_by_order(session, order, referring.candidate, act, rules)
    keep_state(session, order, booked, cause, act)
    return Taken(order, booked=booked, converted=converted, taken_back=taken_back)


def keep_state(session: Session, order: Order, booked: Booked, cause: str, act: Act) -> None:
    """Add the order's present state to its history, with what it should have granted in it."""
    session.flush()
    values = {"reference": order.reference, "cause": cause, "at": act.now, "actor": act.actor}
    session.execute(_KEEP_STATE, {**values, "grants": to_json(booked.grants).decode()})


def lock_order(session: Session, reference: str) -> Order | None:
    """The order under its row lock, freshly read; None if there is none."""
    return session.scalar(
        select(Order).where(Order.reference == reference).with_for_update().execution_options(populate_existing=True)
    )


def _lock(session: Session, reference: str, body: OrderInput, now: datetime) -> tuple[Order, bool]:
    """The order under its row lock, and whether this call has made it."""
    values = {
        "reference": reference,
        "status": body.status,
        "currency": body.currency,
        "placed_at": body.placed_at,
        "now": now,
    }
    made = session.scalar(_MAKE, values)
    if made is not None:
        made.refunds = claim_unmatched(session, reference)
        return made, True
    order = lock_order(session, reference)
    assert order is not None, "nobody deletes orders"
    return order, False


def _is_stale(order: Order, body: OrderInput) -> bool:
    return body.updated_at is not None and order.stated_at is not None and body.updated_at < order.stated_at


def _moves(order: Order, owner: Owner) -> bool:
    """Whether it gets another owner. A state that names nobody, or an address that nobody holds, moves nothing."""
    if order.member_id is not None:
        return owner.member_id not in (None, order.member_id)
    return owner != Owner() and owner != Owner(None, order.email_hash)


def _merge_refunds(order: Order, body: OrderInput, now: datetime) -> list[Document]:
    """The refunds from now on: those told, and those that were made after this state."""
    known = {each["refundId"]: StoredRefund.model_validate(each) for each in order.refunds}
    if body.refunds is None:
        return order.refunds
    told = {}
    for refund in body.refunds:
        before = known.get(refund.refund_id)
        received_at = before.received_at if before else now
        points = before.points if before and before.says(refund) else None
        told[refund.refund_id] = StoredRefund.model_construct(**dict(refund), received_at=received_at, points=points)
    later = {
        refund_id: refund
        for refund_id, refund in known.items()
        if refund_id not in told and body.updated_at is not None and refund.dated > body.updated_at
    }
    return [store_refund(refund) for refund in (*told.values(), *later.values())]


def _find_referring(
    session: Session,
    order: Order,
    owner: Owner,
    body: OrderInput,
    now: datetime,
    rules: OrderRules,
    *,
    history: bool,
    new: bool = False,
) -> Referring:
    """The referrals that this change may convert or take back. An order that comes new and whole takes none back, and
    one of history converts none."""
    conversions = () if new else find_conversions(session, order.reference, now, rules)
    mine = owner.member_id or order.member_id
    if mine is None or history or not rules.convert_by_order or not rules.earns(body.status):
        return Referring(None, conversions)
    return Referring(find_candidate(session, mine, body.referral_code, now), conversions)


def _lock_everybody(session: Session, order: Order, owner: Owner, referring: Referring) -> None:
    """Lock all members that this change may touch, in id order: who had it, who has it, and both sides of referrals.

    One alone is locked as the order is booked.
    """
    found = {each for each in (order.member_id, owner.member_id, *referring.members()) if each is not None}
    if len(found) > 1:
        lock_members(session, found)


def _move(session: Session, order: Order, owner: Owner, now: datetime, rules: OrderRules) -> Booked:
    """Give the order to its owner; what another member had of it is taken back."""
    if not _moves(order, owner):
        return Booked()
    booked = take_all_back(session, order, now, rules)
    if order.member_id is not None:
        order.episode += 1
    order.member_id, order.email_hash = owner
    return booked


def _store(order: Order, body: OrderInput, refunds: list[Document], now: datetime) -> None:
    order.content, order.refunds = body.content(), refunds
    order.status, order.test, order.currency = body.status, body.test, body.currency
    order.channel, order.placed_at, order.changed_at = body.channel, body.placed_at, now
    order.total = sum(compute_nets(make_cart(body, body.placed_at)))
    if not body.tax_included:
        order.total += sum(line.tax for line in body.lines)
    order.paid_at = _reached_at(OrderStatus.PAID, body, body.paid_at, order.paid_at, now)
    order.fulfilled_at = _reached_at(OrderStatus.FULFILLED, body, body.fulfilled_at, order.fulfilled_at, now)


def _reached_at(
    status: OrderStatus, body: OrderInput, told: datetime | None, known: datetime | None, now: datetime
) -> datetime | None:
    """When the order came so far: as told, else when that was first heard."""
    if told is not None or REACHED[body.status] < REACHED[status]:
        return told or (known if body.status is OrderStatus.CANCELLED else None)
    return known or body.updated_at or now


def _join(first: Booked, second: Booked) -> Booked:
    second.entries[:0], second.upgrades[:0], second.taken[:0] = first.entries, first.upgrades, first.taken
    return second
