"""What a refund leaves: nothing more than was earned, and nothing for goods that went back (CONTRACT-EARNING 8.5)."""

from typing import Any

import pytest

from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import Orders, line, net, order_of, put_rule

POST = line(500, "post", kind="shipping")
CARD = line(2000, "card", kind="gift_card")


def refund(line_id: str, refund_id: str = "r", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": line_id, **fields}]}


@pytest.mark.parametrize("beside", [POST, CARD, line(300, "fee", kind="fee"), line(300, "tip", kind="tip")])
@pytest.mark.parametrize("kind", ["order", "first_order"])
@pytest.mark.usefixtures("clean_ledger")
def test_points_for_an_order_end_with_its_goods(orders: Orders, admin: Api, ann: str, beside: Json, kind: str) -> None:
    put_rule(admin, "flat", kind=kind, points=200)
    body = order_of(line(6000), beside, userId=ann)
    assert net(orders.put("A", body)) == 260
    back = orders.put("A", {**body, "refunds": [refund("1")]})
    assert net(back) == 0
    assert [reason["code"] for reason in back["order"]["reasons"]] == ["nothing_eligible"]


def test_points_for_goods_end_with_those_goods(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "shoes", kind="order", points=200, categories=["shoes"])
    body = order_of(line(6000, "1", categories=["shoes"]), line(1000, "2"), userId=ann)
    assert net(orders.put("A", body)) == 270
    assert net(orders.put("A", {**body, "refunds": [refund("2")]})) == 260
    assert net(orders.put("A", {**body, "refunds": [refund("1")]})) == 10


def test_an_order_of_which_only_shipping_is_left_was_no_first_order(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "first", kind="first_order", points=200)
    body = order_of(line(6000), POST, userId=ann)
    orders.put("A", body)
    orders.put("A", {**body, "refunds": [refund("1")]})
    assert net(orders.put("B", order_of(1000, userId=ann))) == 210


@pytest.mark.parametrize(
    ("kept", "left"),
    [("keep_until_zero", [120, 120, 120, 0]), ("recompute", [120, 45, 20, 0])],
)
def test_a_kept_rule_keeps_its_lines(orders: Orders, admin: Api, ann: str, kept: str, left: list[int]) -> None:
    """What a refund takes below a minimum goes to no other rule while its own is kept: no refund gives points."""
    put_rule(admin, "shoes", kind="spend", points=2, perAmount=100, skus=["s"], minimumBasis=5000, onPartialRefund=kept)
    body = order_of(line(6000, "1", sku="s"), userId=ann)
    found = []
    for amount in (0, 1500, 4000, 6000):
        found.append(net(orders.put("A", {**body, "refunds": [refund("1", amount=amount)]})))
    assert found == left


@pytest.mark.parametrize(("kept", "left"), [("keep_until_zero", 90), ("recompute", 45)])
def test_a_multiplier_that_is_kept_multiplies_what_is_left(
    orders: Orders, admin: Api, ann: str, kept: str, left: int
) -> None:
    put_rule(admin, "double", kind="multiplier", multiplier="2", minimumBasis=5000, onPartialRefund=kept)
    body = order_of(6000, userId=ann)
    assert net(orders.put("A", body)) == 120
    assert net(orders.put("A", {**body, "refunds": [refund("1", amount=1500)]})) == left
