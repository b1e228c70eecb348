"""Orders whose points wait: edits, refunds and releases while they do (CONTRACT-EARNING 8.4, R3)."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal import ledger
from portal.platform import clock
from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import RULE, Orders, amounts, order_of, put_rule
from tests.contract.shop import Shop
from tests.factories.loyalty import RULES

pytestmark = pytest.mark.usefixtures("clean_ledger")


def of(answer: Json) -> tuple[int, int, int]:
    """Pending, active and reversed."""
    points = answer["order"]["points"]
    return points["pending"], points["active"], points["reversed"]


def days_ago(days: float) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()


def sweep(session: Session, days: float = 0) -> None:
    ledger.activate_due(session, clock.now() + timedelta(days=days), rules=RULES)
    session.expire_all()


def test_an_edit_after_the_date_and_before_the_sweep(
    orders: Orders, admin: Api, shop: Shop, ann: str, session: Session
) -> None:
    put_rule(admin, "base", **RULE, pendingDays=5)
    body = order_of(5000, userId=ann, paidAt=days_ago(1))
    assert of(orders.put("A", body)) == (50, 0, 0)
    later = {**order_of(8000, userId=ann), "paidAt": days_ago(6)}
    edited = orders.put("A", later)
    assert (of(edited), amounts(edited)) == ((50, 30, 0), [30])
    sweep(session)
    assert of({"order": orders.get("A")}) == (0, 80, 0)
    assert shop.points(ann) == (80, 0, 80)
    assert of(orders.put("A", {**later, "status": "cancelled"})) == (0, 0, 80)


def test_points_that_come_back_after_a_release_are_active(orders: Orders, admin: Api, shop: Shop, ann: str) -> None:
    put_rule(admin, "base", **RULE, pendingDays=5)
    put_rule(admin, "large", kind="order", points=200, minimumBasis=5000, onPartialRefund="recompute", pendingDays=5)
    body = order_of(5000, userId=ann, paidAt=days_ago(1))
    orders.put("A", body)
    assert of(orders.put("A", {**body, "refunds": [{"refundId": "r", "amount": 2000}]})) == (30, 0, 220)
    assert admin.post("/orders/A/release", {"reason": "A good customer"}).status_code == 200
    assert of(orders.put("A", {**body, "refunds": []})) == (0, 250, 220)
    assert of(orders.put("A", {**body, "refunds": [{"refundId": "r", "amount": 2000}]})) == (0, 30, 440)
    assert shop.points(ann) == (30, 0, 30)


def test_points_that_wait_for_other_tiers_are_not_taken_instead(
    orders: Orders, admin: Api, shop: Shop, ann: str, session: Session
) -> None:
    """The refund of what counted for a tier takes no points that never will, or goods that went back would count."""
    put_rule(admin, "flat", kind="order", points=30, pendingDays=5, qualifies={"tier": False})
    body = order_of(5000, userId=ann, paidAt=days_ago(1))
    orders.put("A", body)
    refunded = orders.put("A", {**body, "refunds": [{"refundId": "r", "amount": 2000}]})
    assert (of(refunded), amounts(refunded)) == ((30, 30, 20), [-20])
    assert shop.member(ann)["lifetimeEarned"] == 30
    sweep(session, days=5)
    assert (shop.points(ann), shop.member(ann)["lifetimeEarned"]) == ((60, 0, 60), 30)


def test_what_waits_of_the_order_is_taken_before_what_is_active(
    orders: Orders, admin: Api, shop: Shop, ann: str
) -> None:
    put_rule(admin, "flat", kind="order", points=30, pendingDays=5)
    body = order_of(5000, userId=ann, paidAt=days_ago(1))
    orders.put("A", body)
    refunded = orders.put("A", {**body, "refunds": [{"refundId": "r", "amount": 2000}]})
    assert (of(refunded), amounts(refunded)) == ((10, 50, 20), [])
    assert shop.member(ann)["lifetimeEarned"] == 50


def test_points_added_to_a_grant_are_its_own(orders: Orders, admin: Api, ann: str, session: Session) -> None:
    """The refund takes what waits of the same rule first, though another one's comes first by name."""
    put_rule(admin, "base", **RULE, pendingDays=5)
    put_rule(admin, "a-rule", kind="order", points=30, pendingDays=20)
    body = order_of(5000, userId=ann, paidAt=days_ago(1))
    orders.put("A", body)
    sweep(session, days=5)
    more = {**order_of(9000, userId=ann), "paidAt": body["paidAt"]}
    assert of(orders.put("A", more)) == (70, 50, 0)
    refunded = orders.put("A", {**more, "refunds": [{"refundId": "r", "amount": 4000}]})
    assert of(refunded) == (30, 50, 40)
    grants = {grant["rule"]: grant["pendingUntil"] for grant in refunded["order"]["grants"]}
    assert grants["base"] is None
    assert grants["a-rule"] is not None


def test_half_of_what_waits_is_refunded(orders: Orders, admin: Api, shop: Shop, ann: str, session: Session) -> None:
    """Worked example I: 500 pending, 40 % refunded: 300 activate, and the 200 leave no entry."""
    put_rule(admin, "base", **RULE, pendingDays=5)
    body = order_of(50000, userId=ann, paidAt=days_ago(1))
    orders.put("I-1", body)
    orders.put("I-1", {**body, "refunds": [{"refundId": "r", "amount": 20000}]})
    sweep(session, days=5)
    assert [entry["amount"] for entry in shop.ledger(ann)] == [300]
