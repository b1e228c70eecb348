"""A state machine over orders, refunds, what waits and what is owed: a model agrees at every step (R1, R3, R4, R8)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy.orm import Session

from portal import ledger, redemptions
from portal.ledger import EntryType
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.orders.commands.refunds import refund_order, undo_refund
from portal.orders.state import RefundInput
from portal.platform import clock
from portal.platform.audit import Act
from tests.factories.loyalty import RULES
from tests.orders.world import make_world, rules_of_orders

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
WAITS = timedelta(days=3)
HOLDS = redemptions.HoldRules(timedelta(days=90))
LATER = {"name": "Later", "kind": "spend", "points": 1, "perAmount": 100, "channels": ["later"], "pendingDays": 3}
NOW = {"name": "Now", "kind": "spend", "points": 1, "perAmount": 100, "channels": ["now"], "expiryMonths": 1}
WHICH = st.sampled_from("ABC")


def expiry(at: datetime, months: int) -> datetime:
    """When points that become active now expire."""
    until = RULES.expiry_after(at, months)
    assert until is not None
    return until


@dataclass(eq=False)
class Lot:
    """The model's lot: what is left of which order's points, and until when; how much of that is on hold."""

    left: int
    until: datetime
    order: str = ""
    held: int = 0
    expired: int = 0

    @property
    def free(self) -> int:
        return self.left - self.held


@dataclass
class Bought:
    """The model's order: what it cost, what was refunded, and what waits and until when."""

    amount: int
    channel: str
    placed: datetime
    refunds: list[int] = field(default_factory=list)
    granted: int = 0
    waiting: int = 0
    waits_until: datetime | None = None
    counted: int = 0

    @property
    def target(self) -> int:
        return max(self.amount - sum(self.refunds), 0) // 100


@dataclass
class Model:
    """Points of one member."""

    lots: list[Lot] = field(default_factory=list)
    orders: dict[str, Bought] = field(default_factory=dict)
    owed: int = 0

    def credit(self, points: int, until: datetime, order: str = "", *, pays: bool = True) -> None:
        """A credit in full, and what it pays of the debt."""
        paid = min(points, self.owed) if pays else 0
        self.owed -= paid
        self.lots.append(Lot(points - paid, until, order))

    def usable(self, now: datetime) -> list[Lot]:
        return sorted((lot for lot in self.lots if lot.until > now), key=lambda lot: lot.until)

    def take(self, lots: list[Lot], points: int) -> int:
        """Take free points of these lots; what is missing."""
        for lot in lots:
            part = min(lot.free, points)
            lot.left -= part
            points -= part
        return points

    def settle(self, key: str, now: datetime) -> None:
        """Bring an order's points to its target."""
        order = self.orders[key]
        change, order.granted = order.target - order.granted, order.target
        if change > 0:
            starts = order.placed + WAITS if order.channel == "later" else now
            if starts > now:
                order.waiting, order.waits_until = order.waiting + change, starts
            else:
                self.credit(change, expiry(now, 1 if order.channel == "now" else 12), key)
        elif change < 0:
            self._take_back(key, order, -change, now)

    def _take_back(self, key: str, order: Bought, points: int, now: datetime) -> None:
        part = min(order.waiting, points)
        order.waiting -= part
        gone = min(sum(lot.expired for lot in self.lots if lot.order == key) - order.counted, points - part)
        order.counted += gone
        own = sorted((lot for lot in self.lots if lot.order == key), key=lambda lot: lot.until)
        rest = self.take(own, points - part - gone)
        self.owed += self.take(self.usable(now), rest)


class Refunds(RuleBasedStateMachine):
    """Order, refund, undo, spend, hold, let go, let time pass and sweep, in any order."""

    session: Session

    @initialize()
    def begin(self) -> None:
        self.session.begin_nested()
        self.now, self.model = START, Model()
        self.world = make_world(self.session)
        with clock.at(self.now):
            self.user_id = self.world.join()
            for slug, terms in (("base", {**NOW, "active": False}), ("later", LATER), ("now", NOW)):
                self.world.write(slug, terms, self.now)
        self.member = self.session.query(Member).filter_by(user_id=self.user_id).one()
        self.holds: list[tuple[Any, list[tuple[Lot, int]]]] = []
        self.numbers = 0

    @property
    def act(self) -> Act:
        return Act("test", self.now, "machine")

    @rule(key=WHICH, amount=st.integers(100, 30_000), channel=st.sampled_from(["now", "later"]))
    def order(self, key: str, amount: int, channel: str) -> None:
        """A new order, or an edit of what it costs."""
        known = self.model.orders.get(key)
        if known is None:
            known = self.model.orders[key] = Bought(amount, channel, self.now)
        known.amount = amount
        body = {
            "userId": self.user_id,
            "currency": "EUR",
            "status": "paid",
            "placedAt": known.placed.isoformat(),
            "paidAt": known.placed.isoformat(),
            "channel": known.channel,
            "lines": [{"lineId": "1", "amount": amount}],
        }
        self.world.tell(key, body, self.now)
        self.model.settle(key, self.now)

    @rule(key=WHICH, amount=st.integers(1, 20_000))
    def refund(self, key: str, amount: int) -> None:
        if key not in self.model.orders:
            return
        order = self.model.orders[key]
        order.refunds.append(amount)
        body = {"refundId": f"r{len(order.refunds)}", "lines": [{"lineId": "1", "amount": amount}]}
        refund_order(self.session, key, RefundInput.model_validate(body), self.act, rules_of_orders())
        self.model.settle(key, self.now)

    @rule(key=WHICH)
    def undo(self, key: str) -> None:
        if key not in self.model.orders or not self.model.orders[key].refunds:
            return
        order = self.model.orders[key]
        undo_refund(self.session, key, f"r{len(order.refunds)}", self.act, rules_of_orders())
        order.refunds.pop()
        self.model.settle(key, self.now)

    @rule(points=st.integers(1, 200), pays=st.booleans())
    def earn(self, points: int, pays: bool) -> None:
        """A credit of an event, which pays what is owed, or of an adjustment, which does not."""
        self.numbers += 1
        until = self.now + timedelta(days=20 + self.numbers)
        posting = ledger.Posting(
            self.member.id,
            points,
            EntryType.EVENT if pays else EntryType.ADJUSTMENT,
            "event" if pays else "adjustment",
            f"e{self.numbers}",
            "x",
            self.now,
            expires_at=until,
        )
        ledger.post(self.session, [posting], self.now)
        self.model.credit(points, until, pays=pays)

    @rule(points=st.integers(1, 200))
    def hold(self, points: int) -> None:
        if sum(lot.free for lot in self.model.usable(self.now)) < points:
            return
        wish = redemptions.Wish(points=points, description="A thing")
        made = redemptions.reserve_points(self.session, self.user_id, wish, self.act, rules=HOLDS)
        kept = []
        for lot in self.model.usable(self.now):
            part = min(lot.free, points)
            points -= part
            lot.held += part
            kept += [(lot, part)] if part else []
        self.holds.append((made.id, kept))

    @precondition(lambda self: self.holds)
    @rule(fulfil=st.booleans())
    def resolve(self, fulfil: bool) -> None:
        """Hand over what was held last, or let it go: what is free then pays what is owed."""
        redemption_id, kept = self.holds.pop()
        for lot, part in kept:
            lot.held -= part
        if fulfil:
            redemptions.fulfill_redemption(self.session, redemption_id, self.act)
            for lot, part in kept:
                lot.left -= part
            return
        redemptions.release_redemption(self.session, redemption_id, redemptions.RedemptionStatus.CANCELLED, self.act)
        for lot, part in kept:
            paid = min(part, self.model.owed) if lot.until > self.now else 0
            lot.left -= paid
            self.model.owed -= paid

    @rule(days=st.integers(1, 25))
    def wait(self, days: int) -> None:
        """Let days pass; then what waits becomes active, and what is past its date expires."""
        self.now += timedelta(days=days)
        while ledger.activate_due(self.session, self.now, rules=RULES):
            pass
        for key, order in self.model.orders.items():
            if order.waiting and order.waits_until is not None and order.waits_until <= self.now:
                self.model.credit(order.waiting, expiry(self.now, 12), key)
                order.waiting = 0
        while ledger.expire_scheduled_points(self.session, self.now):
            pass
        for lot in self.model.lots:
            if lot.until <= self.now:
                lot.expired += lot.free
                lot.left = lot.held

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "member"):
            return
        self.session.flush()
        self.session.refresh(self.member)
        model, member = self.model, self.member
        assert (member.balance, member.held, member.pending, member.owed) == (
            sum(lot.left for lot in model.lots),
            sum(lot.held for lot in model.lots),
            sum(order.waiting for order in model.orders.values()),
            model.owed,
        )
        for key, order in model.orders.items():
            assert sum(self.world.net(key).values()) == order.granted
        assert find_differences(self.session) == []

    def teardown(self) -> None:
        self.session.rollback()


def test_orders_agree_with_the_model_whatever_happens(app: Flask, session: Session) -> None:
    Refunds.session = session
    run(
        Refunds,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
