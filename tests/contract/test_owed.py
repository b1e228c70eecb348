"""What a refund cannot take back is owed, and later points pay it (CONTRACT-EARNING 8.5, R4; examples H, J and K)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger import expire_scheduled_points
from portal.redemptions import cancel_stale_holds
from tests.contract.api import Api, code
from tests.contract.conftest import As
from tests.contract.document import Json
from tests.contract.orders import Orders, amounts, order_of, put_rule
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
START = datetime(2030, 3, 1, 12, tzinfo=UTC)
RETURNED = [{"refundId": "r", "lines": [{"lineId": "1"}]}]
LAST_AUDIT = text("""
    SELECT action, actor, reason, before, after FROM audit_log WHERE action = 'owed.write_off' ORDER BY id DESC LIMIT 1
""")
DEBTS = text("SELECT points, recovered, written_off, reason FROM loyalty_owed ORDER BY owed_at")


def owing(orders: Orders, shop: Shop, user_id: str, points: int, reference: str = "gone") -> Json:
    """An order whose points were spent and that was returned then, so that they are owed."""
    body = order_of(points * 100, userId=user_id)
    orders.put(reference, body)
    shop.fulfill(shop.redeem(user_id, points=points))
    return orders.put(reference, {**body, "refunds": RETURNED})


def owe_in_three(orders: Orders, shop: Shop, user_id: str) -> None:
    """Three orders that were returned one after the other when their 100 points each were spent."""
    with time_machine.travel(START, tick=False) as time:
        bodies = {name: order_of(10_000, userId=user_id) for name in ("one", "two", "three")}
        for name, body in bodies.items():
            orders.put(name, body)
        shop.fulfill(shop.redeem(user_id, points=300))
        for name, body in bodies.items():
            time.shift(timedelta(hours=1))
            orders.put(name, {**body, "refunds": RETURNED})


def standing(shop: Shop, user_id: str) -> tuple[int, int, int]:
    """Balance, owed points and what was earned in all."""
    member = shop.member(user_id)
    return member["balance"], member["owed"], member["lifetimeEarned"]


def newest(shop: Shop, user_id: str, count: int = 2) -> list[tuple[str, int, int]]:
    """The newest entries, oldest first: type, amount and balance."""
    entries = shop.ledger(user_id)[:count]
    return [(each["entryType"], each["amount"], each["balanceAfter"]) for each in reversed(entries)]


def test_example_h(orders: Orders, shop: Shop, ann: str) -> None:
    body = order_of(50_000, userId=ann)
    orders.put("A", body)
    shop.fulfill(shop.redeem(ann, points=500))
    shop.credit(ann, 120)
    refunded = orders.put("A", {**body, "refunds": RETURNED})
    assert (amounts(refunded), refunded["order"]["points"]["owed"]) == ([-120], 380)
    assert standing(shop, ann) == (0, 380, 120)

    told = orders.put("B", order_of(20_000, userId=ann))

    assert amounts(told) == [200, -200]
    assert [entry["entryType"] for entry in told["entries"]] == ["order", "recovery"]
    assert [entry["balanceAfter"] for entry in told["entries"]] == [200, 0]
    credit, recovery = told["entries"]
    assert recovery["metadata"] == {"settled_from": credit["id"], "order_reference": "B"}
    assert recovery["description"] == "Points owed, settled"
    assert standing(shop, ann) == (0, 180, 320)
    assert orders.get("A")["points"]["owed"] == 180
    assert orders.get("B")["points"] == {
        "granted": 200,
        "pending": 0,
        "active": 200,
        "reversed": 0,
        "owed": 0,
        "restored": 0,
    }
    assert amounts(orders.put("C", order_of(30_000, userId=ann))) == [300, -180]
    assert standing(shop, ann) == (120, 0, 620)
    assert amounts(orders.put("D", order_of(1_000, userId=ann))) == [10]


def test_example_j(orders: Orders, shop: Shop, ann: str, admin: Api, session: Session) -> None:
    with time_machine.travel(START, tick=False) as time:
        put_rule(admin, "base", kind="spend", points=1, perAmount=100, expiryMonths=1)
        body = order_of(50_000, userId=ann, placedAt=START.isoformat())
        orders.put("A", body)
        shop.fulfill(shop.redeem(ann, points=300))
        time.shift(timedelta(days=40))
        expire_scheduled_points(session, START + timedelta(days=40))
        shop.credit(ann, 50)
        assert standing(shop, ann) == (50, 0, 550)
        refunded = orders.put("A", {**body, "refunds": RETURNED})
        assert (amounts(refunded), refunded["order"]["points"]["owed"]) == ([-50], 250)
        assert standing(shop, ann) == (0, 250, 50)


@pytest.mark.parametrize("end", ["cancel", "fail", "expire"])
def test_example_k(orders: Orders, shop: Shop, ann: str, session: Session, end: str) -> None:
    body = order_of(50_000, userId=ann)
    orders.put("A", body)
    hold = shop.redeem(ann, points=450)
    refunded = orders.put("A", {**body, "refunds": RETURNED})
    assert (amounts(refunded), refunded["order"]["points"]["owed"]) == ([-50], 450)
    assert shop.points(ann) == (450, 450, 0)
    if end == "expire":
        cancel_stale_holds(session, datetime.now(UTC) + timedelta(days=31))
    else:
        getattr(shop, end)(hold)
    assert standing(shop, ann) == (0, 0, 0)
    assert newest(shop, ann) == [("reversal", -50, 450), ("recovery", -450, 0)]
    assert shop.ledger(ann)[0]["metadata"] == {"redemption_id": hold["id"]}
    assert orders.get("A")["points"]["owed"] == 0


def test_of_a_larger_hold_only_what_is_owed_pays(orders: Orders, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    body = order_of(20_000, userId=ann)
    orders.put("A", body)
    hold = shop.redeem(ann, points=300)
    orders.put("A", {**body, "refunds": RETURNED})
    assert standing(shop, ann) == (300, 200, 100)
    shop.cancel(hold)
    assert standing(shop, ann) == (100, 0, 100)


def test_what_expired_under_a_hold_does_not_pay(
    orders: Orders, shop: Shop, ann: str, admin: Api, session: Session
) -> None:
    with time_machine.travel(START, tick=False) as time:
        shop.credit(ann, 100, expiresAt=(START + timedelta(days=2)).isoformat())
        body = order_of(20_000, userId=ann, placedAt=START.isoformat())
        orders.put("A", body)
        hold = shop.redeem(ann, points=300)
        orders.put("A", {**body, "refunds": RETURNED})
        time.shift(timedelta(days=3))
        shop.cancel(hold)
        assert shop.points(ann) == (100, 0, 0)
        expire_scheduled_points(session, START + timedelta(days=3))
        assert standing(shop, ann) == (0, 0, 100)


def test_an_adjustment_pays_nothing(orders: Orders, shop: Shop, ann: str) -> None:
    owing(orders, shop, ann, 100)
    shop.credit(ann, 30)
    assert standing(shop, ann) == (30, 100, 30)


def test_a_refund_that_is_undone_pays_what_it_had_left_owed(orders: Orders, shop: Shop, ann: str) -> None:
    owing(orders, shop, ann, 100)
    told = orders.put("gone", {**order_of(10_000, userId=ann), "refunds": []})
    assert amounts(told) == [100, -100]
    assert standing(shop, ann) == (0, 0, 100)


def test_what_was_recovered_is_owed_again_when_that_order_goes_back_too(orders: Orders, shop: Shop, ann: str) -> None:
    owing(orders, shop, ann, 100)
    body = order_of(6_000, userId=ann)
    orders.put("B", body)
    assert standing(shop, ann) == (0, 40, 60)
    orders.put("B", {**body, "refunds": RETURNED})
    assert standing(shop, ann) == (0, 100, 0)


def test_what_an_edit_grants_pays_what_it_takes_back(orders: Orders, shop: Shop, ann: str, admin: Api) -> None:
    put_rule(admin, "shoes", kind="spend", points=1, perAmount=100, skus=["s"])
    orders.put("A", order_of({"lineId": "1", "amount": 10_000, "sku": "s"}, userId=ann))
    shop.fulfill(shop.redeem(ann, points=100))
    told = orders.put("A", order_of({"lineId": "1", "amount": 10_000, "sku": "t"}, userId=ann))
    assert amounts(told) == [0, 100, -100]
    assert standing(shop, ann) == (0, 0, 100)


def test_several_debts_are_paid_oldest_first(orders: Orders, shop: Shop, ann: str, session: Session) -> None:
    owe_in_three(orders, shop, ann)
    orders.put("B", order_of(15_000, userId=ann))
    assert session.scalars(text("SELECT recovered FROM loyalty_owed ORDER BY owed_at")).all() == [100, 50, 0]
    orders.put("C", order_of(50_000, userId=ann))
    assert session.scalars(text("SELECT recovered FROM loyalty_owed ORDER BY owed_at")).all() == [100, 100, 100]
    assert standing(shop, ann) == (350, 0, 650)


def test_events_pay(orders: Orders, shop: Shop, ann: str, admin: Api) -> None:
    put_rule(admin, "review", kind="event", eventType="review", points=30)
    owing(orders, shop, ann, 100)
    body = {"eventId": "e-1", "userId": ann, "type": "review"}
    told = orders.api.post("/events", body).get_json()
    assert amounts(told) == [30, -30]
    assert standing(shop, ann) == (0, 70, 30)
    assert orders.api.post("/events", body).get_json() == told
    assert standing(shop, ann) == (0, 70, 30)


def test_what_waited_pays_when_it_is_released(orders: Orders, shop: Shop, ann: str, admin: Api) -> None:
    owing(orders, shop, ann, 100)
    put_rule(admin, "base", kind="spend", points=1, perAmount=100, pendingDays=3650)
    assert amounts(orders.put("B", order_of(4_000, userId=ann))) == []
    assert standing(shop, ann) == (0, 100, 0)
    answer = admin.post("/orders/B/release", {"reason": "A regular"})
    assert amounts(answer.get_json()) == [40, -40]
    assert standing(shop, ann) == (0, 60, 40)


@pytest.mark.parametrize("points", [None, 380, 100, 1])
def test_an_operator_writes_off_what_is_owed(
    orders: Orders, shop: Shop, ann: str, session: Session, points: int | None
) -> None:
    owing(orders, shop, ann, 380)
    before = shop.member(ann)
    body = {"reason": "A regular"} | ({} if points is None else {"points": points})
    answer = shop.api.post(f"/members/{ann}/owed/write-off", body)
    left = 380 - (points or 380)
    assert (answer.status_code, answer.get_json()) == (200, {**before, "owed": left})
    assert shop.member(ann) == answer.get_json()
    row = session.execute(LAST_AUDIT).one()
    assert (row.reason, row.before, row.after) == ("A regular", {"owed": 380}, {"owed": left})
    assert session.execute(DEBTS).one() == (380, 0, 380 - left, "A regular")
    assert orders.get("gone")["points"]["owed"] == left
    assert amounts(orders.put("B", order_of(50_000, userId=ann))) == [500, *([-left] if left else [])]


def test_a_write_off_takes_the_oldest_debt_first(orders: Orders, shop: Shop, ann: str, session: Session) -> None:
    owe_in_three(orders, shop, ann)
    orders.put("B", order_of(2_000, userId=ann))
    assert shop.api.post(f"/members/{ann}/owed/write-off", {"points": 150, "reason": "Half"}).status_code == 200
    assert [tuple(row) for row in session.execute(DEBTS)] == [
        (100, 20, 80, "Half"),
        (100, 0, 70, "Half"),
        (100, 0, 0, None),
    ]


@pytest.mark.parametrize(
    ("body", "status", "refusal"),
    [
        ({"reason": "Why", "points": 101}, 422, "validation_failed"),
        ({"reason": "Why", "points": 0}, 422, "validation_failed"),
        ({"reason": "Why", "points": -1}, 422, "validation_failed"),
        ({"reason": "Why", "points": "5"}, 422, "validation_failed"),
        ({"reason": ""}, 422, "validation_failed"),
        ({"points": 5}, 422, "validation_failed"),
        ({"reason": "Why", "all": True}, 422, "validation_failed"),
    ],
)
def test_a_write_off_that_cannot_be_is_refused(
    orders: Orders, shop: Shop, ann: str, body: Json, status: int, refusal: str
) -> None:
    owing(orders, shop, ann, 100)
    assert code(shop.api.post(f"/members/{ann}/owed/write-off", body)) == (status, refusal)
    assert shop.member(ann)["owed"] == 100


def test_nothing_owed_is_a_conflict_and_nobody_is_not_found(shop: Shop, ann: str) -> None:
    body = {"reason": "Why"}
    assert code(shop.api.post(f"/members/{ann}/owed/write-off", body)) == (409, "nothing_owed")
    shop.credit(ann, 5)
    assert code(shop.api.post(f"/members/{ann}/owed/write-off", {**body, "points": 5})) == (409, "nothing_owed")
    assert code(shop.api.post("/members/nobody/owed/write-off", body)) == (404, "user_not_found")


@pytest.mark.parametrize("scopes", [("orders",), ("checkout",), ("member",)])
def test_only_operators_write_off(as_scope: As, ann: str, scopes: tuple[str, ...]) -> None:
    answer = as_scope(*scopes).post(f"/members/{ann}/owed/write-off", {"reason": "Why"})
    assert code(answer) == (403, "forbidden")


def test_a_repeated_write_off_with_its_key_is_one(orders: Orders, shop: Shop, ann: str) -> None:
    owing(orders, shop, ann, 100)
    sent: list[Any] = [
        shop.api.post(
            f"/members/{ann}/owed/write-off", {"points": 40, "reason": "Why"}, headers={"Idempotency-Key": "w-1"}
        )
        for _ in range(2)
    ]
    assert [answer.get_json()["owed"] for answer in sent] == [60, 60]
    assert shop.member(ann)["owed"] == 60


def test_a_recovery_explains_itself(orders: Orders, shop: Shop, ann: str) -> None:
    owing(orders, shop, ann, 100)
    recovery = orders.put("B", order_of(2_000, userId=ann))["entries"][1]
    found = shop.api.get(f"/ledger/{recovery['id']}").get_json()["explanation"]
    assert found["sentence"] == "20 points of “Order B”, taken to settle what you owed."
    assert found["order"] == "B"
    assert [(lot["openedBy"], lot["points"]) for lot in found["lots"]] == [("Order B", 20)]


def test_a_recovery_from_a_request_explains_itself(orders: Orders, shop: Shop, ann: str) -> None:
    body = order_of(5_000, userId=ann)
    orders.put("A", body)
    hold = shop.redeem(ann, points=50)
    orders.put("A", {**body, "refunds": RETURNED})
    shop.cancel(hold)
    recovery = shop.ledger(ann)[0]
    found = shop.api.get(f"/ledger/{recovery['id']}").get_json()["explanation"]
    assert found["sentence"] == "50 points of what a request gave back, taken to settle what you owed."
