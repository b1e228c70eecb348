"""`POST /orders/batch`: each row as if sent alone, and history that only counts what still lives."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.api import Api
from tests.contract.conftest import As
from tests.contract.document import Json
from tests.contract.orders import order_of
from tests.contract.shop import Shop


@pytest.fixture
def api(as_scope: As) -> Api:
    return as_scope("orders")


def send(api: Api, items: list[Json], **fields: str) -> list[Json]:
    answer = api.post("/orders/batch", {"items": items, **fields})
    assert answer.status_code == 200, answer.get_json()
    return list(answer.get_json()["results"])


def item(reference: str, amount: int, **fields: object) -> Json:
    return {**order_of(amount, **fields), "orderReference": reference}


def test_each_row_is_answered_as_if_it_were_sent_alone(api: Api, shop: Shop, ann: str, ben: str) -> None:
    rows = [
        item("B-1", 1000, userId=ann),
        item("B-2", 2000, userId="nobody"),
        item("B-3", -5, userId=ann),
        {"orderReference": "B-4"},
        item("B 5", 100, userId=ann),
        item("B-1", 3000, userId=ann),
        item("B-6", 4000, userId=ben),
    ]
    results = send(api, rows)
    assert [row["status"] for row in results] == [201, 404, 422, 422, 422, 200, 201]
    assert [row["body"].get("code") for row in results] == [
        None,
        "user_not_found",
        "validation_failed",
        "validation_failed",
        "validation_failed",
        None,
        None,
    ]
    assert results[2]["body"]["errors"][0]["field"] == "lines.0.amount"
    assert [entry["amount"] for row in (results[0], results[5]) for entry in row["body"]["entries"]] == [10, 20]
    assert api.get("/orders/B-2").status_code == 404
    assert (shop.points(ann)[0], shop.points(ben)[0]) == (30, 40)


@pytest.mark.parametrize(("rows", "field"), [([], "items"), ([item("A", 1)] * 501, "items")])
def test_a_batch_has_one_to_five_hundred_rows(api: Api, rows: list[Json], field: str) -> None:
    answer = api.post("/orders/batch", {"items": rows})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_history_lives_from_when_it_was_placed_and_tells_nobody(
    api: Api, shop: Shop, ann: str, session: Session
) -> None:
    shop.tier("silver", 50)
    now = clock.now()
    placed = {name: (now - timedelta(days=days)).isoformat() for name, days in (("new", 30), ("old", 500))}
    rows = [item(f"H-{name}", 6000, userId=ann, placedAt=at) for name, at in placed.items()]
    new, old = send(api, rows, mode="history")
    assert [entry["amount"] for entry in new["body"]["entries"]] == [60]
    assert old["body"]["entries"] == []
    assert [reason["code"] for reason in old["body"]["order"]["reasons"]] == ["expired"]
    member = shop.member(ann)
    assert (member["balance"], member["tier"]["slug"], member["streak"]["weeks"]) == (60, "silver", 0)
    expires = datetime.fromisoformat(member["expiring"][0]["expiresAt"])
    assert timedelta(days=330) < expires - now < timedelta(days=337)
    assert session.scalar(text("SELECT count(*) FROM outbox WHERE topic = 'tier_upgraded'")) == 0


@pytest.mark.parametrize(
    "later",
    [
        {"channel": "web"},
        {"status": "fulfilled"},
        {"refunds": [{"refundId": "r", "lines": [{"lineId": "1", "amount": 1000}]}]},
    ],
)
def test_what_has_expired_of_history_is_not_granted_when_its_order_is_told_again(
    api: Api, shop: Shop, ann: str, later: Json
) -> None:
    placed_at = (clock.now() - timedelta(days=500)).isoformat()
    send(api, [item("H", 6000, userId=ann, placedAt=placed_at)], mode="history")
    answer = api.put("/orders/H", order_of(6000, userId=ann, placedAt=placed_at, **later))
    assert (answer.status_code, answer.get_json()["entries"], shop.points(ann)[0]) == (200, [], 0)
    assert [reason["code"] for reason in answer.get_json()["order"]["reasons"]] == ["expired"]


def test_what_history_left_unpaid_is_judged_when_it_is_paid(api: Api, shop: Shop, ann: str) -> None:
    send(api, [item("H", 6000, userId=ann, status="placed")], mode="history")
    assert api.put("/orders/H", order_of(6000, userId=ann)).status_code == 200
    member = shop.member(ann)
    assert (member["balance"], member["streak"]["weeks"]) == (60, 1)


def test_the_same_rows_again_change_nothing(api: Api, shop: Shop, ann: str) -> None:
    rows = [item(f"B-{number}", 1000, userId=ann) for number in range(5)]
    send(api, rows)
    again = send(api, rows)
    assert [(row["status"], row["body"]["entries"]) for row in again] == [(200, [])] * 5
    assert shop.points(ann)[0] == 50
