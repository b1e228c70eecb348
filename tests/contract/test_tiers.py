"""Rule 9: points earned qualify, exactly at the threshold, and nothing demotes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
LOUNGE = {"kind": "access", "label": "Lounge", "value": True}


@pytest.fixture
def ladder(shop: Shop) -> Shop:
    """A shop with three tiers."""
    shop.tier("bronze", 0)
    shop.tier("silver", 100)
    shop.tier("gold", 500, benefits=[LOUNGE])
    return shop


def test_tiers_come_by_threshold_and_only_active_ones(ladder: Shop) -> None:
    ladder.tier("pearl", 50)
    listed = ladder.api.get("/tiers").get_json()["tiers"]
    assert [tier["slug"] for tier in listed] == ["bronze", "pearl", "silver", "gold"]
    positions = [tier["position"] for tier in listed]
    assert positions == sorted(set(positions))
    assert ladder.api.put("/tiers/pearl", {"active": False}).status_code == 200
    assert "pearl" not in [tier["slug"] for tier in ladder.api.get("/tiers").get_json()["tiers"]]


def test_making_a_tier_is_201_and_changing_it_200(shop: Shop) -> None:
    body: dict[str, Any] = {"name": "Silver", "threshold": 100, "benefits": [LOUNGE]}
    assert shop.api.put("/tiers/silver", body).status_code == 201
    changed = shop.api.put("/tiers/silver", {**body, "threshold": 150})
    assert (changed.status_code, changed.get_json()["threshold"]) == (200, 150)


def test_a_member_begins_in_the_tier_of_threshold_zero(ladder: Shop, ann: str) -> None:
    shown = ladder.member(ann)
    assert shown["tier"]["slug"] == "bronze"
    assert shown["progress"]["nextTier"]["slug"] == "silver"
    assert shown["progress"]["pointsToNext"] == 100


def test_the_exact_threshold_qualifies_at_once(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 99)
    assert ladder.member(ann)["tier"]["slug"] == "bronze"
    ladder.credit(ann, 1)
    shown = ladder.member(ann)
    assert shown["tier"]["slug"] == "silver"
    assert shown["progress"]["nextTier"] == {"slug": "gold", "name": "Gold", "threshold": 500}
    assert (shown["progress"]["qualifyingPoints"], shown["progress"]["pointsToNext"]) == (100, 400)
    assert shown["upcomingBenefits"] == [LOUNGE]


def test_at_the_top_nothing_is_left_to_reach(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 700)
    shown = ladder.member(ann)
    assert shown["tier"]["slug"] == "gold"
    assert shown["tier"]["benefits"] == [LOUNGE]
    assert (shown["progress"]["nextTier"], shown["progress"]["pointsToNext"]) == (None, 0)
    assert (shown["progress"]["percent"], shown["upcomingBenefits"]) == (100, [])


def test_progress_is_a_percentage_short_of_the_next_tier(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 99)
    assert 0 < ladder.member(ann)["progress"]["percent"] < 100


def test_since_is_when_the_tier_was_reached(ladder: Shop, ann: str) -> None:
    moment = datetime(2030, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        ladder.credit(ann, 100)
    with time_machine.travel(moment + timedelta(days=1)):
        ladder.credit(ann, 100)
        assert datetime.fromisoformat(ladder.member(ann)["tier"]["since"]) == moment


def test_redeeming_never_demotes(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 100)
    ladder.fulfill(ladder.redeem(ann, points=100))
    shown = ladder.member(ann)
    assert (shown["balance"], shown["tier"]["slug"]) == (0, "silver")
    assert (shown["lifetimeEarned"], shown["progress"]["qualifyingPoints"]) == (100, 100)
    ladder.credit(ann, 400)
    assert ladder.member(ann)["tier"]["slug"] == "gold"


def test_expiring_never_demotes(ladder: Shop, ann: str) -> None:
    moment = datetime(2030, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(moment):
        ladder.credit(ann, 100, expiresAt=(moment + timedelta(days=1)).isoformat())
    with time_machine.travel(moment + timedelta(days=2)):
        shown = ladder.member(ann)
        assert (shown["available"], shown["tier"]["slug"]) == (0, "silver")
        assert shown["progress"]["qualifyingPoints"] == 100


def test_one_credit_may_pass_several_tiers(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 500)
    assert ladder.member(ann)["tier"]["slug"] == "gold"


def test_a_threshold_that_comes_down_qualifies_those_who_have_reached_it(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 90)
    ladder.tier("silver", 90)
    ladder.credit(ann, 1)
    assert ladder.member(ann)["tier"]["slug"] == "silver"


def test_a_threshold_that_goes_up_demotes_nobody(ladder: Shop, ann: str) -> None:
    ladder.credit(ann, 100)
    ladder.tier("silver", 400)
    ladder.credit(ann, 1)
    assert ladder.member(ann)["tier"]["slug"] == "silver"


def test_two_tiers_have_never_the_same_threshold(ladder: Shop) -> None:
    assert ladder.api.put("/tiers/pearl", {"name": "Pearl", "threshold": 100}).status_code == 422
    assert ladder.api.put("/tiers/silver", {"name": "Silver", "threshold": 500}).status_code == 422
    assert [tier["threshold"] for tier in ladder.api.get("/tiers").get_json()["tiers"]] == [0, 100, 500]


def test_thresholds_ascend_by_position(shop: Shop) -> None:
    shop.tier("bronze", 0, position=1)
    shop.tier("silver", 100, position=2)
    body = {"name": "Gold", "threshold": 50, "benefits": [], "position": 3}
    assert shop.api.put("/tiers/gold", body).status_code == 422
    assert shop.api.put("/tiers/bronze", {"name": "Bronze", "threshold": 150, "position": 1}).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": -1},
        {"threshold": 1.5},
        {"threshold": "10"},
        {"threshold": None},
        {"threshold": 10**30},
        {"threshold": True},
        {"name": ""},
        {"name": 5},
        {"name": "x" * 10_000},
        {"position": -1},
        {"position": "1"},
        {"benefits": "none"},
        {"benefits": [1]},
        {"benefits": [{}]},
        {"benefits": [{"kind": "x"}]},
        {"benefits": [{"kind": "x", "label": "y", "value": {"deep": 1}}]},
        {"benefits": {"kind": "x", "label": "y"}},
        {"thresholds": 5},
    ],
)
def test_an_impossible_tier_is_422(shop: Shop, change: dict[str, Any]) -> None:
    body = {"name": "Silver", "threshold": 10, "benefits": [], **change}
    assert shop.api.put("/tiers/silver", body).status_code == 422
    assert shop.api.get("/tiers").get_json()["tiers"] == []
