"""One refund at a time: made, told again, undone, and known before its order (CONTRACT-EARNING 8.2, 8.5)."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import PLACED, Orders, amounts, line, net, order_of, put_rule
from tests.contract.shop import Shop

THREE = line(2997, "1", quantity=3)
# The same order told again, with a stamp that is later than each of its refunds.
LATER = "2026-12-01T00:00:00+00:00"

pytestmark = pytest.mark.usefixtures("clean_ledger")


def of_line(line_id: str = "1", refund_id: str = "r", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": line_id, **fields}]}


def of_money(amount: int, refund_id: str = "r", **fields: Any) -> Json:
    return {"refundId": refund_id, "amount": amount, **fields}


def test_example_a_three_units_back_one_by_one(orders: Orders, ann: str) -> None:
    assert net(orders.put("A", order_of(THREE, userId=ann))) == 29
    back = [orders.refund("A", of_line(refund_id=f"r{n}", quantity=1)) for n in (1, 2, 3)]
    assert [amounts(each) for each in back] == [[-10], [-10], [-9]]
    assert [each["points"] for each in back[-1]["order"]["refunds"]] == [10, 10, 9]


@pytest.mark.parametrize(("on_partial_refund", "left"), [(None, 245), ("recompute", 45), ("keep_until_zero", 245)])
def test_example_d_a_threshold_is_judged_on_what_remains(
    orders: Orders, admin: Api, ann: str, on_partial_refund: str | None, left: int
) -> None:
    terms = {"kind": "order", "points": 200, "minimumBasis": 5000}
    put_rule(admin, "big", **terms, **({"onPartialRefund": on_partial_refund} if on_partial_refund else {}))
    assert net(orders.put("A", order_of(6000, userId=ann))) == 260
    assert net(orders.refund("A", of_line(amount=1500))) == left


def test_example_e_more_than_is_left_is_not_applied(orders: Orders, ann: str) -> None:
    orders.put("A", order_of(10000, userId=ann))
    back = [orders.refund("A", of_line(refund_id=f"r{n}", amount=each)) for n, each in enumerate((3000, 3000, 6000))]
    assert [amounts(each) for each in back] == [[-30], [-30], [-40]]
    last = back[-1]["order"]
    assert [(each["applied"], each["unapplied"]) for each in last["refunds"]] == [(3000, 0), (3000, 0), (4000, 2000)]
    assert [warning["code"] for warning in last["warnings"]] == ["refund_exceeds_order"]


def test_example_g_a_refund_and_an_edit(orders: Orders, ann: str) -> None:
    first = orders.put("A", order_of(5000, userId=ann))
    back = orders.refund("A", of_line(amount=2000))
    edited = orders.put("A", order_of(5000, line(3000, "2"), userId=ann))
    assert [amounts(each) for each in (first, back, edited)] == [[50], [-20], [30]]


def test_example_i_what_waits_is_taken_first(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "base", kind="spend", points=1, perAmount=100, pendingDays=14)
    orders.put("A", order_of(50000, userId=ann))
    back = orders.refund("A", of_line(amount=20000))
    assert back["entries"] == []
    assert back["order"]["points"] == {
        "granted": 500,
        "pending": 300,
        "active": 0,
        "reversed": 200,
        "owed": 0,
        "restored": 0,
    }
    assert back["order"]["refunds"][0]["points"] == 200


@pytest.mark.parametrize(
    "refund",
    [of_line(), of_line(quantity=1), of_line(amount=999), of_money(500), of_money(500, kind="goodwill")],
)
def test_the_same_refund_again_changes_nothing(orders: Orders, ann: str, refund: Json) -> None:
    orders.put("A", order_of(THREE, userId=ann))
    first = orders.refund("A", refund)
    again = orders.send_refund("A", refund)
    assert again.status_code == 200
    assert (again.get_json()["entries"], again.get_json()["order"]) == ([], first["order"])


@pytest.mark.parametrize(
    "other",
    [
        of_line(quantity=2),
        of_line("2", quantity=1),
        of_money(999),
        of_line(quantity=1, amount=1),
        {**of_line(quantity=1), "refundedAt": PLACED},
        {**of_line(quantity=1), "restore": "none"},
    ],
)
def test_another_refund_of_the_same_id_is_refused(orders: Orders, ann: str, other: Json) -> None:
    orders.put("A", order_of(THREE, line(500, "2"), userId=ann))
    before = orders.refund("A", of_line(quantity=1))["order"]
    answer = orders.send_refund("A", other)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "refund_conflict")
    assert orders.get("A") == before


@pytest.mark.parametrize(
    ("refund", "field"),
    [
        ({"refundId": "r"}, "body"),
        ({"refundId": "r", "lines": []}, "body"),
        (of_line("9"), "lines.0.lineId"),
        ({"refundId": "r", "lines": [{"lineId": "1"}, {"lineId": "9"}]}, "lines.1.lineId"),
        (of_line(quantity=0), "lines.0.quantity"),
        (of_money(-1), "amount"),
        (of_money(1, kind="gift"), "kind"),
        ({"lines": [{"lineId": "1"}]}, "refundId"),
        ({**of_line(), "name": "Ann"}, "name"),
    ],
)
def test_a_refund_that_cannot_be_read_is_refused(orders: Orders, ann: str, refund: Json, field: str) -> None:
    before = orders.put("A", order_of(THREE, userId=ann))["order"]
    answer = orders.send_refund("A", refund)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    assert orders.get("A") == before


def test_an_undone_refund_gives_back_what_it_took_and_its_id(orders: Orders, ann: str) -> None:
    before = orders.put("A", order_of(THREE, userId=ann))["order"]
    orders.refund("A", of_line(quantity=1))
    undone = orders.undo_refund("A", "r")
    assert undone.status_code == 200
    assert amounts(undone.get_json()) == [10]
    assert (undone.get_json()["order"]["basis"], undone.get_json()["order"]["refunds"]) == (before["basis"], [])
    assert amounts(orders.refund("A", of_line(quantity=3))) == [-29]


@pytest.mark.parametrize(
    ("reference", "code"), [("A", "refund_not_found"), ("B", "order_not_found"), ("B/", None), ("A%20", None)]
)
def test_what_is_not_known_cannot_be_undone(orders: Orders, ann: str, reference: str, code: str | None) -> None:
    orders.put("A", order_of(THREE, userId=ann))
    answer = orders.undo_refund(reference, "r")
    assert (answer.status_code in (404, 422), code in (None, answer.get_json()["code"])) == (True, True)


@pytest.mark.parametrize("count", [1, 3])
def test_refunds_before_their_order_are_applied_when_it_comes(orders: Orders, ann: str, count: int) -> None:
    for n in range(count):
        answer = orders.send_refund("A", of_line(refund_id=f"r{n}", quantity=1))
        assert (answer.status_code, answer.get_json()) == (202, {"status": "unmatched"})
    told = orders.put("A", order_of(THREE, userId=ann))
    assert net(told) == [29, 19, 10, 0][count]
    assert [each["refundId"] for each in told["order"]["refunds"]] == [f"r{n}" for n in range(count)]
    assert amounts(told) == ([[29], [19], [10], []][count])
    again = orders.send_refund("A", of_line(refund_id="r0", quantity=1))
    assert again.status_code == 200


def test_a_refund_that_waits_is_known_and_can_be_undone(orders: Orders, ann: str) -> None:
    assert orders.send_refund("A", of_line()).status_code == 202
    assert orders.send_refund("A", of_line()).status_code == 202
    other = orders.send_refund("A", of_line(quantity=1))
    assert (other.status_code, other.get_json()["code"]) == (409, "refund_conflict")
    assert orders.undo_refund("A", "r").status_code == 202
    assert orders.undo_refund("A", "r").get_json()["code"] == "order_not_found"
    assert net(orders.put("A", order_of(THREE, userId=ann))) == 29


def test_a_refund_that_waited_and_that_the_list_of_its_order_does_not_name_is_undone(orders: Orders, ann: str) -> None:
    orders.send_refund("A", {**of_line(), "refundedAt": PLACED})
    assert net(orders.put("A", order_of(THREE, userId=ann, refunds=[], updatedAt=LATER))) == 29


def test_a_refund_that_waited_and_names_no_line_of_its_order_is_a_warning(orders: Orders, ann: str) -> None:
    orders.send_refund("A", of_line("9"))
    told = orders.put("A", order_of(THREE, userId=ann))
    assert (net(told), [each["code"] for each in told["order"]["warnings"]]) == (29, ["unknown_line"])


@pytest.mark.parametrize("status", ["placed", "cancelled"])
def test_orders_that_earn_nothing_yet_keep_their_refunds(orders: Orders, ann: str, status: str) -> None:
    body = order_of(THREE, userId=ann)
    orders.put("A", {**body, "status": status})
    assert orders.refund("A", of_line(quantity=1))["entries"] == []
    assert net(orders.put("A", body)) == 19


def test_unclaimed_orders_are_refunded_too(orders: Orders) -> None:
    orders.put("A", order_of(THREE))
    assert orders.refund("A", of_line(quantity=1))["order"]["refunds"][0]["applied"] == 999


WEEKS = text("SELECT week, length FROM loyalty_streak_weeks ORDER BY week")


def test_a_week_whose_only_order_was_given_back_is_none_of_the_streak(
    orders: Orders, ann: str, session: Session
) -> None:
    dates = ("2026-11-04T10:00:00Z", "2026-11-11T10:00:00Z", "2026-11-18T10:00:00Z")
    for number, placed in enumerate(dates):
        orders.put(f"A{number}", order_of(THREE, userId=ann, placedAt=placed))
    orders.put("B", order_of(500, userId=ann, placedAt=dates[0]))
    assert [row.length for row in session.execute(WEEKS)] == [1, 2, 3]
    orders.refund("A1", of_line(quantity=2))
    orders.refund("A0", of_line())
    assert [row.length for row in session.execute(WEEKS)] == [1, 2, 3]
    orders.refund("A1", of_line(refund_id="rest"))
    assert [row.length for row in session.execute(WEEKS)] == [1, 1]
    orders.undo_refund("A1", "rest")
    assert [row.length for row in session.execute(WEEKS)] == [1, 2, 3]


def test_buying_and_giving_back_renews_no_other_point(orders: Orders, shop: Shop, ann: str, session: Session) -> None:
    shop.credit(ann, 500, expiresAt="2027-03-01T00:00:00Z")
    dates = "SELECT expires_at FROM loyalty_point_expirations WHERE points = 500"
    before = session.scalar(text(dates))
    orders.put("A", order_of(THREE, userId=ann))
    orders.refund("A", of_line())
    assert session.scalar(text(dates)) == before
    assert shop.points(ann)[0] == 500
