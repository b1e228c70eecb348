"""A refund told before it happens, and held to what was told (CONTRACT-EARNING 8.2, 8.5)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.api import Api, code
from tests.contract.document import Json
from tests.contract.orders import Orders, amounts, line, net, order_of, put_rule
from tests.contract.shop import Shop

STATUS = text("SELECT status FROM loyalty_referral_invites")
NOTHING = {"pending": 0, "expired": 0, "own": 0, "others": 0, "owed": 0, "writtenOff": 0}

pytestmark = pytest.mark.usefixtures("clean_ledger")


def refund_of(amount: int, refund_id: str = "r", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": "1", "amount": amount}], **fields}


def test_a_quote_says_what_is_taken_from_where_and_writes_nothing(orders: Orders, shop: Shop, ann: str) -> None:
    orders.put("A", order_of(50000, userId=ann))
    orders.put("B", order_of(12000, userId=ann))
    shop.fulfill(shop.redeem(ann, points=500))
    before = orders.get("A")
    quote = orders.quote_refund("A", refund_of(50000))
    assert quote["takes"] == {**NOTHING, "others": 120, "owed": 380}
    assert quote["tier"]["before"] == quote["tier"]["after"]
    assert (quote["restores"], quote["referral"], len(quote["sentences"])) == ([], None, 2)
    assert orders.get("A") == before
    assert shop.points(ann)[0] == 120


@pytest.mark.parametrize("amount", [0, 1, 999, 1500, 6000, 9000])
def test_the_refund_does_what_its_quote_says(orders: Orders, ann: str, amount: int) -> None:
    orders.put("A", order_of(6000, userId=ann))
    quote = orders.quote_refund("A", refund_of(amount))
    done = orders.refund("A", refund_of(amount, quoteId=quote["quoteId"]))
    taken = [entry["metadata"]["takes"] for entry in done["entries"]]
    assert [{**NOTHING, **each} for each in taken] == ([quote["takes"]] if any(quote["takes"].values()) else [])
    assert -sum(amounts(done)) == quote["takes"]["own"]


def test_what_waits_is_quoted_as_waiting(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "base", kind="spend", points=1, perAmount=100, pendingDays=14)
    orders.put("A", order_of(6000, userId=ann))
    quote = orders.quote_refund("A", refund_of(6000))
    assert quote["takes"] == {**NOTHING, "pending": 60}
    assert quote["sentences"] == ["60 points that wait will not become active."]


def test_a_world_that_has_changed_makes_a_quote_stale(orders: Orders, shop: Shop, ann: str) -> None:
    orders.put("A", order_of(50000, userId=ann))
    quote = orders.quote_refund("A", refund_of(50000))
    shop.fulfill(shop.redeem(ann, points=300))
    before = orders.get("A")
    answer = orders.send_refund("A", refund_of(50000, quoteId=quote["quoteId"]))
    stale = answer.get_json()
    assert (answer.status_code, stale["code"]) == (409, "quote_stale")
    assert stale["quote"]["takes"] == {**NOTHING, "own": 200, "owed": 300}
    assert orders.get("A") == before
    assert amounts(orders.refund("A", refund_of(50000, quoteId=stale["quote"]["quoteId"]))) == [-200]


def test_a_quote_is_stale_once_its_order_is_somebody_elses(orders: Orders, shop: Shop, ann: str, ben: str) -> None:
    orders.put("A", order_of(2000, 2000, userId=ann))
    refund = {"refundId": "r", "lines": [{"lineId": "1"}]}
    quote = orders.quote_refund("A", refund)
    orders.put("A", order_of(2000, 2000, userId=ben))
    answer = orders.send_refund("A", {**refund, "quoteId": quote["quoteId"]})
    assert code(answer) == (409, "quote_stale")
    assert (shop.points(ann)[0], shop.points(ben)[0]) == (0, 40)
    orders.refund("A", {**refund, "quoteId": answer.get_json()["quote"]["quoteId"]})
    assert (shop.points(ann)[0], shop.points(ben)[0]) == (0, 20)


def test_a_quote_holds_for_fifteen_minutes(orders: Orders, ann: str, monkeypatch: pytest.MonkeyPatch) -> None:
    orders.put("A", order_of(6000, userId=ann))
    quote = orders.quote_refund("A", refund_of(1000))
    asked = clock.now()
    for minutes, status in ((16, 409), (14, 201)):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: asked + timedelta(minutes=minutes))
        answer = orders.send_refund("A", refund_of(1000, quoteId=quote["quoteId"]))
        assert answer.status_code == status
    assert net(answer.get_json()) == 50


def test_a_known_refund_is_known_whatever_its_quote(orders: Orders, ann: str) -> None:
    orders.put("A", order_of(6000, userId=ann))
    quote = orders.quote_refund("A", refund_of(1000))
    orders.refund("A", refund_of(1000, quoteId=quote["quoteId"]))
    again = orders.send_refund("A", refund_of(1000, quoteId=quote["quoteId"]))
    assert (again.status_code, amounts(again.get_json())) == (200, [])
    assert orders.quote_refund("A", refund_of(1000))["takes"] == NOTHING


@pytest.mark.parametrize(
    ("reference", "refund"),
    [
        ("A", refund_of(999)),
        ("A", refund_of(1000, "other")),
        ("A", refund_of(1000, kind="goodwill")),
        ("B", refund_of(1000)),
        ("C", refund_of(1000)),
    ],
)
def test_a_quote_is_of_one_refund(orders: Orders, ann: str, reference: str, refund: Json) -> None:
    for each in ("A", "B"):
        orders.put(each, order_of(6000, userId=ann))
    quote = orders.quote_refund("A", refund_of(1000))
    answer = orders.send_refund(reference, {**refund, "quoteId": quote["quoteId"]})
    assert (answer.status_code, [each["field"] for each in answer.get_json()["errors"]]) == (422, ["quoteId"])


@pytest.mark.parametrize("quote_id", ["", "x", "x.y", "\x00", "e" * 501, 7])
def test_what_is_no_quote_is_refused(orders: Orders, ann: str, quote_id: Any) -> None:
    orders.put("A", order_of(6000, userId=ann))
    answer = orders.send_refund("A", refund_of(1000, quoteId=quote_id))
    assert (answer.status_code, [each["field"] for each in answer.get_json()["errors"]]) == (422, ["quoteId"])
    assert orders.get("A")["refunds"] == []


@pytest.mark.parametrize(
    ("reference", "refund", "code"),
    [
        ("B", refund_of(1), "order_not_found"),
        ("A", {"refundId": "r", "lines": [{"lineId": "9"}]}, "validation_failed"),
        ("A", refund_of(2, "known"), "refund_conflict"),
    ],
)
def test_what_cannot_be_refunded_is_not_quoted(
    orders: Orders, ann: str, reference: str, refund: Json, code: str
) -> None:
    orders.put("A", order_of(line(6000), userId=ann, refunds=[refund_of(1, "known")]))
    answer = orders.api.post(f"/orders/{reference}/refunds/quote", refund)
    assert answer.get_json()["code"] == code
    assert orders.send_refund("B", refund_of(1)).status_code == 202


def test_a_tier_that_falls_at_the_end_of_the_day_is_foretold(orders: Orders, shop: Shop, ann: str) -> None:
    for slug, threshold in {"base": 0, "gold": 1000}.items():
        shop.tier(slug, threshold)
    shop.credit(ann, 900)
    orders.put("A", order_of(30000, userId=ann))
    assert shop.member(ann)["tier"]["slug"] == "gold"
    small, large = (orders.quote_refund("A", refund_of(amount)) for amount in (10000, 25000))
    assert small["tier"] == {"before": "gold", "after": "gold"}
    assert large["tier"] == {"before": "gold", "after": "base"}
    assert large["sentences"][-1] == "At the end of the day the member falls to a lower tier."
    orders.refund("A", refund_of(25000, quoteId=large["quoteId"]))
    assert shop.member(ann)["tier"]["slug"] == "gold"


def test_a_referral_that_ends_with_the_refund_is_foretold(
    orders: Orders, shop: Shop, admin: Api, ann: str, session: Session
) -> None:
    code = shop.member(ann)["referralCode"]
    admin.put("/api/v1/users/ben", {"email": "ben@example.com", "name": "Ben"})
    told = orders.put("A", order_of(6000, userId="ben", referralCode=code))
    assert told["referral"]["status"] == "converted"
    quote = orders.quote_refund("A", refund_of(6000))
    assert (quote["referral"]["id"], quote["referral"]["status"]) == (told["referral"]["id"], "reversed")
    assert "The referral that the order converted is undone" in quote["sentences"][-1]
    assert session.scalars(STATUS).all() == ["converted"]
    orders.refund("A", refund_of(6000, quoteId=quote["quoteId"]))
    assert session.scalars(STATUS).all() == ["reversed"]
