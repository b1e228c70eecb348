"""CONTRACT-EARNING 8.1 to 8.4 over HTTP: the worked examples, redelivery, staleness, edits and moves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.platform.web.application import Portal
from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import RULE, Orders, amounts, line, order_of, put_rule
from tests.contract.shop import Shop

Change = Callable[..., None]


@pytest.fixture
def change(app: Portal) -> Iterator[Change]:
    """Change settings for the test."""
    before = app.config["SETTINGS"]
    yield lambda **fields: app.config.update(SETTINGS=before.model_copy(update=fields))
    app.config["SETTINGS"] = before


def test_a_three_items_refunded_one_by_one(orders: Orders, shop: Shop, ann: str) -> None:
    body = order_of(line(2997, quantity=3), userId=ann)
    assert amounts(orders.put("A-1", body)) == [29]
    refunds: list[Json] = []
    for number, back in enumerate((10, 10, 9), 1):
        refunds.append({"refundId": f"r{number}", "lines": [{"lineId": "1", "quantity": 1}]})
        answer = orders.put("A-1", {**body, "refunds": refunds})
        assert amounts(answer) == [-back]
        assert answer["order"]["refunds"][-1] | {"refundedAt": ""} == {
            "refundId": f"r{number}",
            "refundedAt": "",
            "applied": 999,
            "unapplied": 0,
            "points": back,
        }
    assert shop.points(ann) == (0, 0, 0)
    assert shop.member(ann)["lifetimeEarned"] == 0


@pytest.mark.parametrize(("on_tax", "basis", "points"), [(True, 8500, 85), (False, 7083, 70)])
def test_b_what_counts_of_an_order(
    orders: Orders, ann: str, change: Change, on_tax: bool, basis: int, points: int
) -> None:
    gift_card = line(5000, "card", kind="gift_card")
    shipping = line(500, "post", kind="shipping", tax=83)
    body = order_of(
        line(6000, "1", tax=0),
        line(4000, "2", tax=0),
        gift_card,
        shipping,
        userId=ann,
        discount=1000,
        tenders=[{"kind": "points", "amount": 500}],
    )
    body["lines"][0]["tax"], body["lines"][1]["tax"] = 900, 600
    change(earn_on_tax=on_tax)
    quote = orders.quote(body)
    answer = orders.put("B-1", body)
    assert (quote["basis"], quote["points"]) == (basis, points)
    assert (answer["order"]["basis"], amounts(answer)) == (basis, [points])


def test_c_a_multiplier_is_floored_once(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "weekend", name="Half as much again", kind="multiplier", multiplier="1.5")
    answer = orders.put("C-1", order_of(3367, userId=ann))
    assert amounts(answer) == [50]
    assert answer["order"]["grants"][0]["sentence"] == "50 points: 1 for every €1.00 of €33.67, times 1.5."


def test_d_flat_points_of_an_order_that_is_refunded_in_part(orders: Orders, admin: Api, ann: str, ben: str) -> None:
    for user, kept, left in ((ann, "recompute", 45), (ben, "keep_until_zero", 245)):
        put_rule(admin, "large", name="Large", kind="order", points=200, minimumBasis=5000, onPartialRefund=kept)
        body = order_of(line(6000), userId=user)
        assert sum(amounts(orders.put(f"D-{kept}", body))) == 260
        part = {"refundId": "r1", "lines": [{"lineId": "1", "amount": 1500}]}
        order = orders.put(f"D-{kept}", {**body, "refunds": [part]})["order"]
        assert order["points"]["granted"] - order["points"]["reversed"] == left
        rest = {"refundId": "r2", "lines": [{"lineId": "1"}]}
        order = orders.put(f"D-{kept}", {**body, "refunds": [part, rest]})["order"]
        assert order["points"]["granted"] == order["points"]["reversed"] == 260


def test_e_more_is_refunded_than_was_paid(orders: Orders, ann: str) -> None:
    body = order_of(10000, userId=ann)
    orders.put("E-1", body)
    refunds: list[Json] = []
    for number, (amount, back) in enumerate(((3000, 30), (3000, 30), (6000, 40)), 1):
        refunds.append({"refundId": str(number), "amount": amount})
        answer = orders.put("E-1", {**body, "refunds": refunds})
        assert amounts(answer) == [-back]
    assert answer["order"]["refunds"][-1]["unapplied"] == 2000
    assert [warning["code"] for warning in answer["order"]["warnings"]] == ["refund_exceeds_order"]


@pytest.mark.parametrize("after", ["doubled", "paused"])
def test_f_an_edit_is_judged_by_the_snapshot(orders: Orders, admin: Api, ann: str, after: str) -> None:
    orders.put("F-1", order_of(5000, userId=ann))
    put_rule(admin, "base", **RULE | ({"points": 2} if after == "doubled" else {"active": False}))
    assert amounts(orders.put("F-1", order_of(8000, userId=ann))) == [30]


def test_g_refunded_and_added_to(orders: Orders, ann: str) -> None:
    body = order_of(5000, userId=ann)
    refund = {"refundId": "r", "amount": 2000}
    assert amounts(orders.put("G-1", body)) == [50]
    assert amounts(orders.put("G-1", {**body, "refunds": [refund]})) == [-20]
    more = order_of(5000, line(3000, "2"), userId=ann, refunds=[refund])
    assert amounts(orders.put("G-1", more)) == [30]


@pytest.mark.parametrize(
    ("limits", "points"), [({"perMember": {"points": 20, "window": "day"}}, 20), ({"programme": 35}, 5)]
)
def test_a_quote_for_nobody_keeps_to_limits(
    orders: Orders, admin: Api, ann: str, limits: dict[str, Any], points: int
) -> None:
    put_rule(admin, "base", **RULE, limits=limits)
    orders.put("L-1", order_of(3000, userId=ann))
    quote = orders.quote(order_of(5000))
    assert (quote["points"], [reason["code"] for reason in quote["reasons"]]) == (points, ["no_member"])
