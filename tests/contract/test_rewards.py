"""The catalogue: stock, limits, tiers, and what a reward may be."""

from typing import Any

import pytest

from tests.contract.api import code
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
MUG = {"rewardSlug": "mug"}


def test_making_a_reward_is_201_and_changing_it_200(shop: Shop) -> None:
    body = {"name": "Mug", "description": "Blue", "pointsCost": 5, "inventory": 2, "minTier": None, "perMemberLimit": 1}
    assert shop.api.put("/rewards/mug", body).status_code == 201
    changed = shop.api.put("/rewards/mug", {**body, "pointsCost": 6})
    assert (changed.status_code, changed.get_json()["pointsCost"]) == (200, 6)


def test_the_cost_is_of_when_it_was_redeemed(shop: Shop, ann: str) -> None:
    shop.reward("mug", 10)
    shop.credit(ann, 100)
    made = shop.redeem(ann, "mug")
    shop.reward("mug", 50)
    assert shop.fulfill(made)["pointsCost"] == 10
    assert shop.points(ann) == (90, 0, 90)


def test_an_item_is_taken_at_request_and_given_back_on_release(shop: Shop, ann: str) -> None:
    shop.reward("mug", 10, inventory=1)
    shop.credit(ann, 100)
    for release in (shop.fail, shop.cancel):
        made = shop.redeem(ann, "mug")
        assert shop.stock("mug") == (0, False)
        assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == (409, "reward_out_of_stock")
        release(made)
        assert shop.stock("mug") == (1, True)
    shop.fulfill(shop.redeem(ann, "mug"))
    assert shop.stock("mug") == (0, False)
    assert shop.points(ann) == (90, 0, 90)


def test_a_reward_without_inventory_is_unlimited(shop: Shop, ann: str) -> None:
    shop.reward("mug", 10)
    shop.credit(ann, 100)
    made = shop.redeem(ann, "mug")
    assert shop.stock("mug") == (None, True)
    shop.cancel(made)
    assert shop.stock("mug") == (None, True)


def test_a_refusal_takes_no_item(shop: Shop, ann: str) -> None:
    shop.reward("mug", 10, inventory=1)
    assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == (409, "insufficient_points")
    assert shop.stock("mug") == (1, True)


def test_a_member_has_no_more_than_the_limit(shop: Shop, ann: str, ben: str) -> None:
    shop.reward("mug", 10, perMemberLimit=1)
    shop.credit(ann, 100)
    shop.credit(ben, 100)
    made = shop.redeem(ann, "mug")
    limit = (409, "reward_limit_reached")
    assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == limit
    shop.redeem(ben, "mug")
    shop.cancel(made)
    shop.fulfill(shop.redeem(ann, "mug"))
    assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == limit


def test_a_reward_for_a_tier_is_for_it_and_those_above(shop: Shop, ann: str) -> None:
    for slug, threshold in (("bronze", 0), ("silver", 100), ("gold", 200)):
        shop.tier(slug, threshold)
    shop.reward("mug", 10, minTier="silver")
    shop.credit(ann, 99)
    assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == (403, "tier_required")
    shop.credit(ann, 1)
    shop.redeem(ann, "mug")
    shop.credit(ann, 100)
    assert shop.member(ann)["tier"]["slug"] == "gold"
    shop.redeem(ann, "mug")


def test_a_refusal_for_too_few_points_tells_how_many(shop: Shop, ann: str) -> None:
    shop.reward("mug", 50)
    shop.credit(ann, 49)
    answer = shop.api.post(f"/members/{ann}/redemptions", MUG)
    assert code(answer) == (409, "insufficient_points")
    assert (answer.get_json()["available"], answer.get_json()["required"]) == (49, 50)
    shop.credit(ann, 1)
    shop.redeem(ann, "mug")
    assert shop.points(ann) == (50, 50, 0)


def test_a_reward_that_is_not_active_is_neither_shown_nor_redeemed(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    shop.reward("mug", 10)
    assert shop.api.put("/rewards/mug", {"active": False}).status_code == 200
    assert shop.api.get("/rewards").get_json()["rewards"] == []
    assert code(shop.api.post(f"/members/{ann}/redemptions", MUG)) == (404, "reward_not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"pointsCost": 0},
        {"pointsCost": -1},
        {"pointsCost": 1.5},
        {"pointsCost": "5"},
        {"pointsCost": 10**20},
        {"inventory": -1},
        {"inventory": 1.5},
        {"inventory": 10**20},
        {"perMemberLimit": 0},
        {"perMemberLimit": -1},
        {"name": ""},
        {"name": None},
        {"name": "x" * 10_000},
        {"name": 5},
        {"minTier": "nothing"},
        {"description": ["x"]},
        {"description": "x" * 100_000},
        {"pointCost": 5},
    ],
)
def test_an_impossible_reward_is_422(shop: Shop, change: dict[str, Any]) -> None:
    body = {"name": "Mug", "description": "Blue", "pointsCost": 5, "inventory": 2, **change}
    assert shop.api.put("/rewards/mug", body).status_code == 422
    assert shop.api.get("/rewards").get_json()["rewards"] == []


@pytest.mark.parametrize("body", [{}, {"name": "Mug"}, {"pointsCost": 5}])
def test_a_new_reward_needs_a_name_and_a_cost(shop: Shop, body: dict[str, Any]) -> None:
    assert shop.api.put("/rewards/mug", body).status_code == 422


@pytest.mark.parametrize("slug", ["Mug", "a b", "-", "é", "x" * 300, "a.b", "%00"])
def test_a_slug_is_plain(shop: Shop, slug: str) -> None:
    body = {"name": "Mug", "description": "", "pointsCost": 5}
    assert shop.api.put(f"/rewards/{slug}", body).status_code in (400, 404, 422)
    assert shop.api.put(f"/tiers/{slug}", {"name": "Mug", "threshold": 5}).status_code in (400, 404, 422)
