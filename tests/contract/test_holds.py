"""Rules 4, 6 and 7: what a hold does, and that it ends once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.contract.api import code
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
START = datetime(2030, 3, 1, 12, tzinfo=UTC)
CLOSED = (409, "redemption_not_pending")


def test_a_hold_lowers_what_is_available_and_not_the_balance(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    shop.redeem(ann, points=30)
    assert shop.points(ann) == (100, 30, 70)
    assert len(shop.ledger(ann)) == 1


def test_fulfilment_debits_and_writes_the_entry_of_the_redemption(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    done = shop.fulfill(shop.redeem(ann, points=30))
    entry = shop.ledger(ann)[0]
    assert (done["status"], done["ledgerEntryId"], done["failureReason"]) == ("fulfilled", entry["id"], None)
    assert done["fulfilledAt"]
    assert (entry["entryType"], entry["amount"], entry["balanceAfter"]) == ("redemption", -30, 70)
    assert entry["metadata"]["redemption_id"] == done["id"]
    assert shop.points(ann) == (70, 0, 70)
    assert shop.member(ann)["holds"] == []


@pytest.mark.parametrize(("verb", "status"), [("fail", "failed"), ("cancel", "cancelled")])
def test_a_release_gives_the_points_back_and_keeps_the_reason(shop: Shop, ann: str, verb: str, status: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=30)
    done = getattr(shop, verb)(made, "Supplier is closed")
    assert (done["status"], done["failureReason"], done["ledgerEntryId"]) == (status, "Supplier is closed", None)
    assert done["closedAt"]
    assert done["fulfilledAt"] is None
    assert shop.points(ann) == (100, 0, 100)
    assert len(shop.ledger(ann)) == 1


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": 5}, {"reason": "x" * 10_000}])
@pytest.mark.parametrize("verb", ["fail", "cancel"])
def test_a_release_needs_a_reason(shop: Shop, ann: str, verb: str, body: dict[str, Any]) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=30)
    assert shop.api.post(f"/redemptions/{made['id']}/{verb}", body).status_code == 422
    assert shop.points(ann) == (100, 30, 70)


@pytest.mark.parametrize("first", ["fulfill", "fail", "cancel"])
@pytest.mark.parametrize("second", ["fulfill", "fail", "cancel"])
def test_a_closed_redemption_stays_as_it_is(shop: Shop, ann: str, first: str, second: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=30)
    done = getattr(shop, first)(made)
    before = shop.points(ann), shop.ledger(ann)
    answer = shop.api.post(f"/redemptions/{made['id']}/{second}", {"reason": "Again"} if second != "fulfill" else None)
    assert code(answer) == CLOSED
    assert (shop.points(ann), shop.ledger(ann)) == before
    listed = shop.api.get("/redemptions", headers={"X-User-Id": ann}).get_json()["redemptions"]
    assert listed == [done]


def test_the_refusal_tells_how_the_redemption_ended(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=30)
    shop.fail(made)
    answer = shop.api.post(f"/redemptions/{made['id']}/fulfill")
    assert code(answer) == CLOSED
    assert "failed" in str(answer.get_json())


def test_held_points_outlive_their_date_and_can_be_fulfilled(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=(START + timedelta(days=2)).isoformat())
        made = shop.redeem(ann, points=60)
    with time_machine.travel(START + timedelta(days=3)):
        assert shop.member(ann)["held"] == 60
        assert shop.member(ann)["available"] == 0
        done = shop.fulfill(made)
        assert done["status"] == "fulfilled"
        assert shop.ledger(ann)[0]["amount"] == -60
        assert shop.points(ann)[1:] == (0, 0)


@pytest.mark.parametrize("verb", ["fail", "cancel"])
def test_points_released_after_their_date_are_not_available(shop: Shop, ann: str, verb: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=(START + timedelta(days=2)).isoformat())
        shop.credit(ann, 7, expiresAt=(START + timedelta(days=200)).isoformat())
        made = shop.redeem(ann, points=60)
    with time_machine.travel(START + timedelta(days=3)):
        getattr(shop, verb)(made)
        assert shop.points(ann)[1:] == (0, 7)
        answer = shop.api.post(f"/members/{ann}/redemptions", {"points": 8, "description": "Seat"})
        assert code(answer) == (409, "insufficient_points")


def test_points_released_before_their_date_are_available(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=(START + timedelta(days=2)).isoformat())
        made = shop.redeem(ann, points=60)
    with time_machine.travel(START + timedelta(days=1)):
        shop.cancel(made)
        assert shop.points(ann) == (100, 0, 100)


def test_a_hold_is_kept_for_720_hours(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=60)
    kept = datetime.fromisoformat(made["holdExpiresAt"]) - datetime.fromisoformat(made["requestedAt"])
    assert kept == timedelta(hours=720)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"points": 5},
        {"description": "Seat"},
        {"rewardSlug": "mug", "points": 5, "description": "Seat"},
        {"points": 0, "description": "Seat"},
        {"points": -5, "description": "Seat"},
        {"points": 1.5, "description": "Seat"},
        {"points": "5", "description": "Seat"},
        {"points": True, "description": "Seat"},
        {"points": 10**30, "description": "Seat"},
        {"points": 5, "description": ""},
        {"points": 5, "description": 7},
        {"rewardSlug": None},
        {"rewardSlug": 5},
    ],
)
def test_a_redemption_is_a_reward_or_described_points(shop: Shop, ann: str, body: dict[str, Any]) -> None:
    shop.credit(ann, 100)
    shop.reward("mug", 10)
    assert shop.api.post(f"/members/{ann}/redemptions", body).status_code == 422
    assert shop.points(ann) == (100, 0, 100)
