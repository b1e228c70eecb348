"""An order's states and refunds in any order of delivery, some told twice: the same end (CONTRACT-EARNING 8.1, 8.5).

`REFUND_DELIVERIES=20000` takes that many orders.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.orders.commands.refunds import refund_order
from portal.orders.state import RefundInput
from portal.platform.audit import Act
from tests.earning import drawn
from tests.orders.drawn import refunds, rules
from tests.orders.world import World, make_world, rules_of_orders

Json = dict[str, Any]
ORDERS = int(os.environ.get("REFUND_DELIVERIES", "20"))
NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
BASE = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}
EARNED = text("""
    SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS granted,
           coalesce(sum(amount), 0)::bigint AS left, coalesce(sum(qualifying), 0)::bigint AS qualifying
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id WHERE m.user_id = :user_id
""")


class Drawn(NamedTuple):
    """What a shop tells of an order: its states with their stamps, its refunds, and in which two orders it does so."""

    rules: dict[str, Json]
    states: list[Json]
    refunds: list[Json]
    seeds: tuple[int, int]


@st.composite
def told(draw: st.DrawFn) -> Drawn:
    """Up to three states of an order, which keep its lines and change what they cost, and up to four refunds of it."""
    first = draw(drawn.orders())
    states = []
    for number in range(draw(st.integers(1, 3))):
        lines = [{**line, "amount": line["amount"] + number * draw(st.integers(0, 900))} for line in first["lines"]]
        stamp = (NOW + timedelta(minutes=number)).isoformat()
        status = draw(st.sampled_from(["paid", "paid", "fulfilled", "placed", "cancelled"])) if number else "paid"
        states.append({**first, "lines": lines, "status": status, "updatedAt": stamp, "paidAt": NOW.isoformat()})
    held = {"base": BASE} | {f"rule{number}": draw(rules()) for number in range(draw(st.integers(1, 3)))}
    return Drawn(held, states, draw(refunds(first["lines"])), draw(st.tuples(st.integers(0, 999), st.integers(0, 999))))


class End(NamedTuple):
    """How it ended for the order and its member."""

    by_rule: dict[str, int]
    balance: int
    owed: int
    qualifying: int
    refunds: list[tuple[str, int, int]]


def deliver(world: World, user_id: str, found: Drawn, seed: int) -> End:
    """Tell everything in an order of the seed, some of it twice; on the way nothing is ever below 0 or too much."""
    chance = random.Random(seed)
    deliveries = [("state", state) for state in found.states] + [("refund", refund) for refund in found.refunds]
    deliveries += chance.sample(deliveries, chance.randint(0, len(deliveries)))
    chance.shuffle(deliveries)
    for kind, body in deliveries:
        if kind == "state":
            world.tell("O", {**body, "userId": user_id}, NOW)
        else:
            refund_order(world.session, "O", RefundInput.model_validate(body), Act("test", NOW), rules_of_orders())
        sums = world.session.execute(EARNED, {"user_id": user_id}).one()
        assert 0 <= sums.left <= sums.granted
    figures, sums = world.figures(user_id), world.session.execute(EARNED, {"user_id": user_id}).one()
    assert (figures.balance, figures.earned) == (sums.left, sums.qualifying)
    row = world.session.execute(text("SELECT refunds, granted, reversed FROM loyalty_orders")).one()
    assert row.granted >= row.reversed
    known = sorted((each["refundId"], each.get("amount", -1), len(each.get("lines", []))) for each in row.refunds)
    return End(world.net("O"), figures.balance, figures.owed, sums.qualifying, known)


@pytest.fixture
def tiers(session: Session) -> None:
    """The tiers of every world."""
    make_world(session)


@pytest.mark.usefixtures("tiers")
@settings(
    max_examples=ORDERS,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(told())
def test_any_order_of_delivery_ends_alike(session: Session, found: Drawn) -> None:
    ends = []
    for number, seed in enumerate(found.seeds):
        with session.begin_nested() as savepoint:
            world = World(session)
            user_id = world.join("a")
            for slug, terms in found.rules.items():
                world.write(slug, terms, NOW)
            ends.append(deliver(world, user_id, found, seed))
            world.expect("O", {**found.states[-1], "userId": user_id, "refunds": found.refunds})
            world.orders["O"].snapshot = (world.rules, {**world.facts(user_id), "firstOrder": True})
            assert ends[-1].by_rule == world.target("O")
            if not number:
                assert find_differences(session) == []
            savepoint.rollback()
        session.expire_all()
    assert ends[0] == ends[1]
