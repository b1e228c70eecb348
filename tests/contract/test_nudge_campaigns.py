"""`PUT /nudge-campaigns/{slug}`: created, changed, refused; and what a campaign does to the cards."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.shop import Shop
from tests.contract.till import Till, share

CAMPAIGN = {
    "signal": "referral_share",
    "ttlHours": 5,
    "frequencyCapHours": 24,
    "priority": 77,
    "channels": ["sms", "email"],
    "active": True,
}


def put(shop: Shop, slug: str = "spring", **fields: Any) -> Any:
    return shop.api.put(f"/nudge-campaigns/{slug}", {**CAMPAIGN, **fields})


def settle(shop: Shop, till: Till, **fields: Any) -> None:
    """Give the signal of shares these fields in the campaign that is there from the start."""
    answer = put(shop, "referral_share", **fields)
    assert answer.status_code == 200, answer.get_json()
    till.plan(share(), ttlHours=500)


def test_a_campaign_is_created_once_and_changed_after(shop: Shop) -> None:
    first = put(shop, active=False)
    assert (first.status_code, first.get_json()) == (201, {**CAMPAIGN, "slug": "spring", "active": False})
    again = put(shop, active=False, ttlHours=6)
    assert (again.status_code, again.get_json()) == (200, {**first.get_json(), "ttlHours": 6})


@pytest.mark.parametrize("signal", ["expiring_points", "stalled_redemption", "checkout_reminder", "referral_share"])
def test_each_signal_may_have_one(shop: Shop, signal: str) -> None:
    assert put(shop, f"my-{signal.replace('_', '-')}", signal=signal, active=False).status_code == 201


@pytest.mark.parametrize(
    "fields",
    [
        {"signal": "birthday"},
        {"signal": 5},
        {"signal": ""},
        {"ttlHours": 0},
        {"ttlHours": -5},
        {"ttlHours": "5"},
        {"ttlHours": 1.5},
        {"ttlHours": 10**9},
        {"ttlHours": True},
        {"frequencyCapHours": -1},
        {"frequencyCapHours": "x"},
        {"frequencyCapHours": 10**20},
        {"priority": "high"},
        {"priority": 1.5},
        {"priority": 10**10},
        {"channels": ["fax"]},
        {"channels": "email"},
        {"channels": ["email", "email"]},
        {"channels": [None]},
        {"active": "perhaps"},
        {"active": 2},
        {"unknown": 1},
    ],
)
def test_what_makes_no_sense_is_422(shop: Shop, fields: dict[str, Any]) -> None:
    assert put(shop, **{"active": False, **fields}).status_code == 422
    assert put(shop, active=False).status_code == 201, "the refused one was not kept"


@pytest.mark.parametrize("slug", ["UPPER", "a b", "x" * 500, "é", "a%00b", "-"])
def test_a_slug_is_readable(shop: Shop, slug: str) -> None:
    assert put(shop, slug, active=False).status_code in (404, 422)


def test_a_new_campaign_needs_its_signal(shop: Shop) -> None:
    body = {key: value for key, value in CAMPAIGN.items() if key != "signal"}
    assert shop.api.put("/nudge-campaigns/spring", body).status_code == 422


@pytest.mark.parametrize("scope", ["member", "checkout", "orders"])
def test_other_scopes_are_forbidden(as_scope: As, ann: str, scope: str) -> None:
    answer = as_scope(scope, user_id=ann).put("/nudge-campaigns/spring", CAMPAIGN)
    assert code(answer) == (403, "forbidden")


def test_without_credentials_nothing_changes(shop: Shop) -> None:
    answer = shop.api.put("/nudge-campaigns/spring", CAMPAIGN, {"Authorization": "Bearer x"})
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_another_method_is_405(shop: Shop, method: str) -> None:
    path = "/api/v1/loyalty/nudge-campaigns/spring"
    assert shop.api.client.open(path, method=method, headers=shop.api.headers).status_code == 405


def test_a_card_has_the_priority_and_channels_of_its_campaign(shop: Shop, till: Till) -> None:
    settle(shop, till)
    nudge = till.nudges()["referral_share"]
    assert (nudge["priority"], nudge["channels"]) == (77, ["sms", "email"])


def test_a_card_lives_as_long_as_its_campaign_says(shop: Shop, till: Till) -> None:
    settle(shop, till, ttlHours=5)
    nudge = till.nudges()["referral_share"]
    lives = datetime.fromisoformat(nudge["expiresAt"]) - datetime.fromisoformat(nudge["createdAt"])
    assert lives == timedelta(hours=5)
    with time_machine.travel(clock.now() + timedelta(hours=5, minutes=1)):
        assert till.nudges() == {}


def test_the_most_urgent_campaign_comes_first(shop: Shop, till: Till) -> None:
    till.plan(share())
    shop.credit(till.user_id, 5, expiresAt=(clock.now() + timedelta(days=1)).isoformat())
    for priority, first in ((100, "referral_share"), (0, "expiring_points")):
        assert put(shop, "referral_share", priority=priority).status_code == 200
        assert next(iter(till.nudges())) == first


@pytest.mark.parametrize("slug", ["spring", "expiring_points"])
def test_an_active_campaign_takes_its_signal_over(shop: Shop, slug: str) -> None:
    body = {
        "signal": "expiring_points",
        "ttlHours": 5,
        "frequencyCapHours": 24,
        "priority": 7,
        "channels": ["email"],
        "active": True,
    }
    answer = shop.api.put(f"/nudge-campaigns/{slug}", body)
    assert answer.status_code in (200, 201)
    assert answer.get_json()["active"] is True


def test_a_missing_field_is_named_as_it_is_sent(shop: Shop) -> None:
    answer = shop.api.put("/nudge-campaigns/spring", {"signal": "referral_share"})
    assert answer.status_code == 422
    named = {error["field"] for error in answer.get_json()["errors"]}
    assert named == {"ttlHours", "frequencyCapHours", "priority", "channels"}
