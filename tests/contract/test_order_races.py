"""Orders told by many at once, with real commits: nobody's points depend on who came first (CONTRACT-EARNING 8.1, 8.3).

`ORDERS_REDELIVERED=200` redelivers that many orders, five versions each.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal.platform import clock
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import BASE, Api
from tests.contract.document import Document, Json
from tests.contract.orders import RULE, Orders, line, order_of, put_rule
from tests.factories.accounts import bearer, make_token, make_user

ORDERS = int(os.environ.get("ORDERS_REDELIVERED", "30"))
VERSIONS, THREADS, MEMBERS = 5, 16, 20
FIGURES = text("""
    SELECT m.user_id, m.balance, m.pending, m.owed, m.lifetime_earned,
           (SELECT coalesce(sum(qualifying), 0) FROM loyalty_ledger_entries e WHERE e.member_id = m.id) AS qualifying
    FROM loyalty_members m WHERE m.user_id LIKE :prefix ORDER BY m.user_id
""")
Tell = Callable[[list[tuple[str, Json]]], list[Json]]
GRANTS = text("""
    SELECT external_id, slug, sum(granted - reversed)::bigint AS points FROM loyalty_earning_grants
    WHERE external_id LIKE :prefix GROUP BY 1, 2 HAVING sum(granted - reversed) > 0 ORDER BY 1, 2
""")

pytestmark = pytest.mark.usefixtures("sound_in_the_end")


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of an operator's system, for the users `ann` and `ben`."""
    with committed_app.app_context():
        made = make_token(db.session(), "admin")
        for user_id in ("ann", "ben"):
            make_user(db.session(), id=user_id)
        db.session.commit()
    return made


@pytest.fixture
def orders(committed_app: Portal, document: Document, token: str) -> Orders:
    return Orders(Api(committed_app.test_client(), document, token))


@pytest.fixture
def tell_at_once(committed_app: Portal, document: Document, token: str) -> Tell:
    """Tell of several orders at the same moment; what the API made of each."""

    def tell(states: list[tuple[str, Json]]) -> list[Json]:
        def one(number: int) -> Json:
            return Orders(Api(committed_app.test_client(), document, token)).put(*states[number])

        return at_once(committed_app, len(states), one)

    return tell


def net(answer: Json) -> int:
    return int(answer["order"]["points"]["granted"] - answer["order"]["points"]["reversed"])


def now_nets(orders: Orders, *references: str) -> list[int]:
    return [net({"order": orders.get(reference)}) for reference in references]


def versions(number: int, prefix: str) -> list[Json]:
    """The states of an order, oldest first: edited, refunded, given back, moved, cancelled and revived.

    Each names all refunds, with dates: what a state leaves out is what had come before it.
    """
    chance = random.Random(number)
    placed = clock.now() - timedelta(days=2)
    owner = chance.randrange(MEMBERS)
    found = []
    for version in range(VERSIONS):
        lines = [
            line(chance.randrange(100, 9_000), str(n), quantity=chance.randrange(1, 4), sku=chance.choice("st"))
            for n in range(1, chance.randrange(2, 5))
        ]
        body = order_of(*lines, channel=chance.choice(["web", "shop"]) if not found else found[0]["channel"])
        if chance.random() < 0.3:
            owner = chance.randrange(MEMBERS)
        body["refunds"] = [] if not found else [*found[-1]["refunds"]][chance.randrange(2) :]
        if chance.random() < 0.5:
            parts = [{"lineId": "1", "quantity": 1}] if chance.random() < 0.5 else []
            refund = {"refundId": f"r{version}", "lines": parts, "amount": chance.randrange(5_000)}
            body["refunds"].append({**refund, "refundedAt": placed.isoformat()})
        found.append(
            body
            | {
                "userId": f"{prefix}{owner}",
                "placedAt": placed.isoformat(),
                "paidAt": placed.isoformat(),
                "updatedAt": (placed + timedelta(hours=version)).isoformat(),
                "status": chance.choice(
                    ["paid", "paid", "fulfilled", "cancelled" if version < VERSIONS - 1 else "paid"]
                ),
            }
        )
    return found


def sums(app: Portal, prefix: str) -> tuple[Any, Any]:
    """Members' figures and orders' grants, without the prefix of their ids."""
    with app.app_context():
        values = {"prefix": f"{prefix}%"}
        found = [db.session.execute(query, values).all() for query in (FIGURES, GRANTS)]
    return tuple([(row[0].removeprefix(prefix), *row[1:]) for row in rows] for rows in found)  # type: ignore[return-value]  # two of them


def test_a_storm_of_redeliveries_ends_as_a_calm_run(committed_app: Portal, orders: Orders, token: str) -> None:
    put_rule(orders.api, "base", **RULE, channels=["shop"])
    put_rule(orders.api, "late", **RULE | {"points": 3}, channels=["web"], pendingDays=30)
    put_rule(orders.api, "socks", kind="item", points=7, skus=["s"], channels=["shop"])
    put_rule(orders.api, "flat", kind="order", points=50, minimumBasis=4000, channels=["web"], pendingDays=30)
    with committed_app.app_context():
        for prefix in ("calm", "storm"):
            for number in range(MEMBERS):
                make_user(db.session(), id=f"{prefix}{number}")
        db.session.commit()

    def tell(task: tuple[str, Json]) -> TestResponse:
        path = f"{BASE}/orders/{task[0]}"
        while True:
            answer = committed_app.test_client().put(path, json=task[1], headers=bearer(token))
            if answer.status_code != 503:  # on a slow machine, locks are waited for longer than is allowed
                return answer

    for number in range(ORDERS):
        for body in versions(number, "calm"):
            assert tell((f"calm{number}", body)).status_code in (200, 201)
    storm = [(f"storm{number}", body) for number in range(ORDERS) for body in versions(number, "storm")]
    random.Random(11).shuffle(storm)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(tell, storm))
    assert Counter(answer.status_code for answer in answers) == {201: ORDERS, 200: ORDERS * (VERSIONS - 1)}
    calm = sums(committed_app, "calm")
    assert sums(committed_app, "storm") == calm
    assert any(pending for _, _, pending, *_ in calm[0])
    assert any(balance for _, balance, *_ in calm[0])


@pytest.mark.parametrize("limit", [{"programme": 70}, {"perMember": {"points": 70, "window": "ever"}}])
def test_orders_at_once_stay_within_a_limit_and_give_room_back(orders: Orders, tell_at_once: Tell, limit: Json) -> None:
    """Eight orders of 20 points under a limit of 70: 70 are granted, and what is taken back others may have."""
    put_rule(orders.api, "base", **RULE, limits=limit)
    users = ["ann", "ben"] if "programme" in limit else ["ann"]
    states = [(f"A-{n}", order_of(2000, userId=users[n % len(users)])) for n in range(8)]
    answers = tell_at_once(states)
    assert sorted(map(net, answers)) == [0, 0, 0, 0, 10, 20, 20, 20]
    reached = [state for state, answer in zip(states, answers, strict=True) if net(answer) == 0]
    assert {reason["code"] for answer in answers for reason in answer["order"]["reasons"]} == {"limit_reached"}
    large = next(state for state, answer in zip(states, answers, strict=True) if net(answer) == 20)
    assert net(orders.put(large[0], {**large[1], "status": "cancelled"})) == 0
    again = tell_at_once([(f"B-{n}", body) for n, (_, body) in enumerate(reached)])
    assert sum(map(net, again)) == 20
    assert net(orders.put(*large)) == 0


def test_the_limit_of_times_is_one_for_orders_at_once(orders: Orders, tell_at_once: Tell) -> None:
    put_rule(orders.api, "twice", kind="order", points=5, limits={"perMember": {"times": 2, "window": "ever"}})
    answers = tell_at_once([(f"A-{n}", order_of(1000, userId="ann")) for n in range(6)])
    assert sorted(map(net, answers)) == [10, 10, 10, 10, 15, 15]


def test_edits_at_once_share_the_room_of_a_limit(orders: Orders, tell_at_once: Tell) -> None:
    put_rule(orders.api, "base", **RULE, limits={"programme": 100})
    for number in range(4):
        orders.put(f"A-{number}", order_of(1000, userId="ann" if number % 2 else "ben"))
    states = [(f"A-{n}", order_of(9000, userId="ann" if n % 2 else "ben")) for n in range(4)]
    tell_at_once(states)
    assert sum(now_nets(orders, *[reference for reference, _ in states])) == 100


def test_two_first_orders_at_once_earn_one_bonus(orders: Orders, tell_at_once: Tell) -> None:
    """The bonus goes to one; cancelled, it is the next order's; and the first one, revived, has none."""
    put_rule(orders.api, "first", kind="first_order", points=500)
    states = [(f"A-{n}", order_of(1000, userId="ann")) for n in range(4)]
    answers = tell_at_once(states)
    assert sorted(map(net, answers)) == [10, 10, 10, 510]
    for reference, body in states:
        orders.put(reference, {**body, "status": "cancelled"})
    assert net(orders.put("B", order_of(1000, userId="ann"))) == 510
    for reference, body in states:
        assert net(orders.put(reference, body)) == 10
    assert now_nets(orders, "B") == [510]


def test_one_order_told_by_many_at_once_is_granted_once(orders: Orders, tell_at_once: Tell) -> None:
    answers = tell_at_once([("A", order_of(1000, userId="ann"))] * 8)
    assert sum(len(answer["entries"]) for answer in answers) == 1
    assert {net(answer) for answer in answers} == {10}


def test_orders_that_swap_members_at_once_end_at_their_last(orders: Orders, tell_at_once: Tell) -> None:
    """Locks of members come in one order, whoever had an order and whoever gets it."""
    for number in range(8):
        orders.put(f"A-{number}", order_of(1000, userId="ann" if number % 2 else "ben"))
    swapped = [(f"A-{n}", order_of(1000, userId="ben" if n % 2 else "ann")) for n in range(8)]
    assert [answer["order"]["userId"] for answer in tell_at_once(swapped)] == ["ann", "ben"] * 4
    assert now_nets(orders, *[f"A-{n}" for n in range(8)]) == [10] * 8


def test_orders_that_move_under_limits_at_once(committed_app: Portal, orders: Orders, tell_at_once: Tell) -> None:
    """Totals of rules come after members, by name: taking back there and granting here blocks nobody for ever."""
    slugs = ["f", "b", "e", "a", "d", "c"]
    for slug in slugs:
        put_rule(orders.api, slug, kind="item", points=1, limits={"programme": 1_000_000})
    with committed_app.app_context():
        for number in range(12):
            make_user(db.session(), id=f"u{number}")
        db.session.commit()
    for turn in range(4):
        moved = [(f"A-{n}", order_of(1000 + turn, userId=f"u{2 * n + turn % 2}")) for n in range(6)]
        new = [(f"B-{turn}-{n}", order_of(1000, userId=f"u{2 * n}")) for n in range(6)]
        assert [net(answer) for answer in tell_at_once([*moved, *new])] == [16] * 12


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("owner", [{"userId": "ann"}, {"email": "guest@example.com"}])
def test_a_batch_and_its_orders_told_alone_block_nobody_for_ever(
    committed_app: Portal, document: Document, token: str, orders: Orders, known: bool, owner: Json
) -> None:
    """A backfill while the shop's own messages arrive: the same orders, the other way round."""
    references = [f"A-{number}" for number in range(20)]
    for reference in references if known else ():
        orders.put(reference, order_of(1000, **owner))

    def one(which: int) -> int:
        api = Api(committed_app.test_client(), document, token)
        if which == 2:
            return max(Orders(api).send(each, order_of(3000, **owner)).status_code for each in reversed(references))
        told = references if which else references[::-1]
        items = [{**order_of(2000 + which, **owner), "orderReference": reference} for reference in told]
        return api.post("/orders/batch", {"items": items}).status_code

    assert {status // 100 for status in at_once(committed_app, 3, one)} == {2}


def test_an_order_told_again_while_its_address_is_verified_blocks_nobody_for_ever(
    committed_app: Portal, document: Document, token: str, orders: Orders
) -> None:
    for turn in range(4):
        email = f"guest-{turn}@example.com"
        references = [f"G-{turn}-{number}" for number in range(4)]
        for reference in references:
            orders.put(reference, order_of(1000, email=email))

        def one(which: int, turn: int = turn, email: str = email, told: list[str] = references) -> int:
            api = Api(committed_app.test_client(), document, token)
            if which == 0:
                return api.put(f"/api/v1/users/g{turn}", {"email": email, "name": "Guest"}).status_code
            return Orders(api).send(told[which - 1], order_of(2000, email=email)).status_code

        assert at_once(committed_app, 5, one) == [201, 200, 200, 200, 200]
        assert {orders.get(reference)["userId"] for reference in references} == {f"g{turn}"}
        assert now_nets(orders, *references) == [20] * 4
