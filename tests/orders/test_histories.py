"""Random histories of orders: whatever comes in whatever order, the last state decides (CONTRACT-EARNING 8.1, 8.5).

Edits, refunds in any order, redelivery, stale states, deleted refunds, moves between two members, cancelled and revived
orders, rules that change, points that wait, are spent and expire. `ORDERS_HISTORIES=400` takes that many of them.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.verify import find_differences
from portal.orders.commands.operating import release_order
from portal.orders.problems import NothingPending, OrderNotFound
from portal.platform.audit import Act
from tests.earning import drawn
from tests.orders.drawn import refunds, rules
from tests.orders.world import World, make_world, rules_of_orders

Json = dict[str, Any]
HISTORIES = int(os.environ.get("ORDERS_HISTORIES", "10"))
NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
BASE = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}
MEMBER = text("SELECT id FROM loyalty_members WHERE user_id = :user_id")
SPENT = text("""
    SELECT -coalesce(sum(amount) FILTER (WHERE entry_type = 'adjustment'), 0)::bigint AS spent,
           -coalesce(sum(amount) FILTER (WHERE entry_type = 'expiration'), 0)::bigint
               - coalesce(sum((metadata -> 'takes' ->> 'expired')::bigint), 0)::bigint AS expired
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id WHERE m.user_id = :user_id
""")
WAITING = text("""
    SELECT coalesce(sum(points), 0)::bigint FROM loyalty_pending_credits c JOIN loyalty_members m ON m.id = c.member_id
    WHERE m.user_id = :user_id AND c.activated_at IS NULL AND c.qualifies_tier
""")


@st.composite
def rules_without_memory(draw: st.DrawFn) -> Json:
    """A rule that looks at nothing but the order and its member, which may let points wait and expire."""
    document = draw(rules())
    if document["kind"] == "first_order":
        document["kind"] = "order"
    if document["kind"] != "multiplier":
        document |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "pendingDays": st.sampled_from([0, 3, 30]),
                    "expiryMonths": st.just(1),
                    "qualifies": st.builds(lambda tier: {"tier": tier}, st.booleans()),
                },
            )
        )
    return document


@st.composite
def states(draw: st.DrawFn) -> Json:
    """A state of an order; the next one has these lines or others, and refunds with dates around it."""
    order = draw(drawn.orders())
    minute = draw(st.integers(0, 30))
    status = draw(st.sampled_from(["paid"] * 5 + ["fulfilled", "placed", "cancelled"]))
    body = {**order, "status": status, "updatedAt": (NOW + timedelta(minutes=minute)).isoformat()}
    if draw(st.integers(0, 9)) == 0:
        body["test"] = True
    if draw(st.booleans()):
        body["refunds"] = [
            {**refund, "refundedAt": (NOW + timedelta(minutes=draw(st.integers(0, 30)))).isoformat()}
            for refund in draw(refunds(order["lines"]))
        ]
    return body


EVENTS = st.one_of(
    *[st.tuples(st.just("tell"), st.sampled_from("AB"), states(), st.booleans())] * 6,
    st.tuples(st.just("again"), st.sampled_from("AB")),
    st.tuples(st.just("refund"), st.sampled_from("AB"), st.integers(1, 6_000)),
    st.tuples(st.just("undo"), st.sampled_from("AB")),
    st.tuples(st.just("rule"), st.sampled_from("abc"), rules_without_memory()),
    st.tuples(st.just("spend"), st.booleans(), st.integers(1, 200)),
    st.tuples(st.just("release"), st.sampled_from("AB")),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 40])),
)


class History:
    """A world of two members while things happen to it."""

    def __init__(self, session: Session) -> None:
        self.world: World = make_world(session)
        self.session, self.now = session, NOW + timedelta(hours=1)
        self.users = [self.world.join("a"), self.world.join()]
        self.world.write("base", BASE, self.now)
        self.last: dict[str, Json] = {}
        self.refunds = 0

    def tell(self, reference: str, body: Json, second: bool) -> None:
        """Tell a state; the first delivery of an order is dated as paid."""
        paid = {"paidAt": (NOW - timedelta(days=1)).isoformat()} if body["status"] in ("paid", "fulfilled") else {}
        self._put(reference, {**body, **paid, "userId": self.users[second]})

    def again(self, reference: str) -> None:
        """Deliver the last state once more: nothing happens."""
        if reference in self.last:
            assert self.world.tell(reference, self.last[reference], self.now).booked.entries == []
            self.world.expect(reference, self.last[reference])

    def refund(self, reference: str, amount: int) -> None:
        """Refund an amount of what is known, in a state that is newer."""
        if reference in self.world.orders:
            state = self.world.orders[reference].state
            at = self._later(state)
            lines = {line["lineId"] for line in state["lines"]}
            kept = [each for each in state["refunds"] if {part["lineId"] for part in each.get("lines", [])} <= lines]
            self.refunds += 1
            more = {"refundId": f"x{self.refunds}", "amount": amount, "refundedAt": at}
            self._put(reference, {**state, "refunds": [*kept, more], "updatedAt": at})

    def undo(self, reference: str) -> None:
        """Undo all refunds."""
        if reference in self.world.orders:
            state = self.world.orders[reference].state
            self._put(reference, {**state, "refunds": [], "updatedAt": self._later(state)})

    def rule(self, slug: str, terms: Json) -> None:
        """Write a rule: orders that have a snapshot know nothing of it."""
        self.world.write(slug, terms, self.now)

    def spend(self, second: bool, points: int) -> None:
        """Take points off, as far as there are some."""
        user_id = self.users[second]
        points = min(points, self.world.figures(user_id).balance)
        if points:
            try:
                with self.session.begin_nested():
                    self._spend(user_id, points)
            except ledger.InsufficientPoints:
                pass  # what is past its date, and not yet swept, is not available

    def release(self, reference: str) -> None:
        """Let what waits of an order become active now."""
        try:
            with self.session.begin_nested():
                release_order(self.session, reference, Act("test", self.now), rules_of_orders())
        except (OrderNotFound, NothingPending):
            pass

    def wait(self, days: int) -> None:
        """Let days pass, and the nightly sweeps do their work."""
        self.now += timedelta(days=days)
        while ledger.activate_due(self.session, self.now, rules=rules_of_orders().points):
            pass
        while ledger.expire_scheduled_points(self.session, self.now):
            pass

    def check(self) -> None:
        """Everything is as the states say, and sound."""
        self.session.expire_all()
        assert find_differences(self.session) == []
        for reference in self.world.orders:
            assert self.world.net(reference) == self.world.target(reference), reference
        for user_id in self.users:
            self._check_member(user_id)

    def _check_member(self, user_id: str) -> None:
        figures = self.world.figures(user_id)
        other = self.session.execute(SPENT, {"user_id": user_id}).one()
        points = {reference: self.world.target(reference) for reference in self.world.of(user_id)}
        assert figures.balance >= 0
        assert figures.balance + figures.pending - figures.owed + other.spent + other.expired == sum(
            sum(each.values()) for each in points.values()
        )
        waiting = self.session.scalar(WAITING, {"user_id": user_id})
        counted = sum(
            granted
            for reference, each in points.items()
            for slug, granted in each.items()
            if self.world.qualifies(reference, slug)
        )
        assert figures.earned + waiting == counted

    def _spend(self, user_id: str, points: int) -> None:
        member_id = self.session.scalar(MEMBER, {"user_id": user_id})
        rules, act = rules_of_orders().points, Act("test", self.now)
        ledger.adjust_points(self.session, member_id, -points, act, rules=rules, expires_at=None, metadata={})

    def _put(self, reference: str, body: Json) -> None:
        self.world.tell(reference, body, self.now)
        self.world.expect(reference, body)
        if self.world.orders[reference].state["updatedAt"] == body["updatedAt"]:
            self.last[reference] = body

    def _later(self, state: Json) -> str:
        return (datetime.fromisoformat(state["updatedAt"]) + timedelta(seconds=1)).isoformat()


def live(session: Session, events: list[tuple[Any, ...]]) -> None:
    history = History(session)
    for name, *arguments in events:
        getattr(history, name)(*arguments)
        history.check()


@settings(
    max_examples=HISTORIES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make one smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(EVENTS, min_size=12, max_size=16))
def test_the_last_state_decides(session: Session, events: list[tuple[Any, ...]]) -> None:
    with session.begin_nested() as savepoint:
        live(session, events)
        savepoint.rollback()
    session.expire_all()
