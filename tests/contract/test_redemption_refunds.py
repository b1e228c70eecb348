"""`POST /redemptions/{id}/refund`: what was fulfilled comes back, once (CONTRACT-EARNING 8.2 and 8.5, R9)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.contract.api import code
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
START = datetime(2030, 3, 1, 12, tzinfo=UTC)


def refund(shop: Shop, redemption: dict[str, Any], reason: str = "Sent back") -> Any:
    return shop.api.post(f"/redemptions/{redemption['id']}/refund", {"reason": reason})


def expiring(shop: Shop, user_id: str) -> list[tuple[int, str]]:
    return [(each["points"], each["expiresAt"][:10]) for each in shop.member(user_id)["expiring"]]


def test_its_points_come_back_and_count_for_nothing(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, points=30))
    earned, streak = shop.member(ann)["lifetimeEarned"], shop.member(ann)["streak"]
    answer = refund(shop, done)
    assert answer.status_code == 200
    found = answer.get_json()
    assert found == {**done, "status": "refunded", "closedAt": found["closedAt"]}
    assert shop.points(ann) == (100, 0, 100)
    assert (shop.member(ann)["lifetimeEarned"], shop.member(ann)["streak"]) == (earned, streak)
    entry = shop.ledger(ann)[0]
    assert (entry["entryType"], entry["amount"], entry["balanceAfter"]) == ("reversal", 30, 100)
    assert (entry["description"], entry["metadata"]) == ("Workshop seat", {"redemption_id": done["id"]})
    listed = shop.api.get("/redemptions", {"statuses": "refunded"}, headers={"X-User-Id": ann}).get_json()
    assert listed["redemptions"] == [found]
    why = shop.api.get(f"/ledger/{entry['id']}").get_json()["explanation"]
    assert why["sentence"].startswith("30 points given back: “Workshop seat”. Good until ")
    assert [lot["points"] for lot in why["lots"]] == [30]


def test_the_second_time_changes_nothing(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, points=30))
    refund(shop, done)
    again = refund(shop, done)
    assert code(again) == (409, "redemption_already_refunded")
    assert again.get_json()["currentStatus"] == "refunded"
    assert len(shop.ledger(ann)) == 3
    assert shop.points(ann) == (100, 0, 100)


@pytest.mark.parametrize("end", [None, "fail", "cancel"])
def test_what_was_not_fulfilled_is_refused(shop: Shop, ann: str, end: str | None) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=30)
    status = getattr(shop, end)(made)["status"] if end else "requested"
    answer = refund(shop, made)
    assert code(answer) == (409, "redemption_not_fulfilled")
    assert answer.get_json()["currentStatus"] == status
    assert len(shop.ledger(ann)) == 1


@pytest.mark.parametrize("verb", ["fulfill", "fail", "cancel"])
def test_a_refunded_one_is_closed(shop: Shop, ann: str, verb: str) -> None:
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, points=30))
    refund(shop, done)
    answer = shop.api.post(f"/redemptions/{done['id']}/{verb}", None if verb == "fulfill" else {"reason": "x"})
    assert code(answer) == (409, "redemption_not_pending")
    assert answer.get_json()["currentStatus"] == "refunded"


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 201}, {"reason": "x", "points": 5}]
)
def test_bad_input_is_refused(shop: Shop, ann: str, body: dict[str, Any]) -> None:
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, points=30))
    assert shop.api.post(f"/redemptions/{done['id']}/refund", body).status_code == 422
    assert shop.points(ann) == (70, 0, 70)


def test_an_unknown_one_is_not_found(shop: Shop) -> None:
    assert code(refund(shop, {"id": "0" * 26})) == (404, "redemption_not_found")


def test_stock_and_the_members_limit_come_back(shop: Shop, ann: str) -> None:
    shop.reward("mug", 10, inventory=1, perMemberLimit=1)
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, "mug"))
    assert shop.stock("mug") == (0, False)
    refund(shop, done)
    assert shop.stock("mug") == (1, True)
    shop.fulfill(shop.redeem(ann, "mug"))


def test_what_has_expired_meanwhile_lives_for_the_grace(shop: Shop, ann: str) -> None:
    """Several lots: never-expiring points return as they were, others at least for thirty days, and expire then."""
    with time_machine.travel(START, tick=False) as clock:
        shop.credit(ann, 10, expiresAt=(START + timedelta(days=5)).isoformat())
        shop.credit(ann, 10, expiresAt=(START + timedelta(days=100)).isoformat())
        shop.credit(ann, 10, expiresAt=None)
        done = shop.fulfill(shop.redeem(ann, points=25))
        clock.shift(timedelta(days=10))
        refund(shop, done)
        assert shop.points(ann) == (30, 0, 30)
        assert expiring(shop, ann) == [(10, "2030-04-10"), (10, "2030-06-09")]
        clock.shift(timedelta(days=31))
        assert shop.points(ann) == (30, 0, 20)


def test_nine_times_there_and_back_is_one_orders_points(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    before = shop.member(ann)
    for _ in range(9):
        refund(shop, shop.fulfill(shop.redeem(ann, points=100)))
    after = shop.member(ann)
    assert (after["balance"], after["lifetimeEarned"]) == (100, 100)
    assert after["progress"] == before["progress"]
    assert expiring(shop, ann) == [(each["points"], each["expiresAt"][:10]) for each in before["expiring"]]


def test_the_intent_of_a_checkout_can_be_cancelled_after_the_refund(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    part = {"checkoutIntentId": "I-1", "points": 30}
    body = {"userId": ann, "orderReference": "A-1", "redemption": part}
    made = shop.api.post("/checkout/intents", {**body, "action": "confirm"}).get_json()["intents"][0]
    shop.fulfill({"id": made["redemptionId"]})
    refused = shop.api.post("/checkout/intents", {**body, "action": "cancel"})
    assert code(refused) == (409, "redemption_already_fulfilled")
    refund(shop, {"id": made["redemptionId"]})
    answer = shop.api.post("/checkout/intents", {**body, "action": "cancel"})
    assert answer.status_code == 200
    assert shop.points(ann) == (100, 0, 100)
