"""The exact keys and types of what the API answers."""

from tests.contract import shapes
from tests.contract.shop import Shop

BENEFIT = {"kind": "shipping", "label": "Free shipping"}
DISCOUNT = {"kind": "discount", "label": "10 % off", "value": 10}


def test_a_tier_has_its_keys(shop: Shop) -> None:
    made = shop.tier("silver", 100, benefits=[BENEFIT, DISCOUNT], position=2)
    assert set(made) == shapes.TIER
    (listed,) = shop.api.get("/tiers").get_json()["tiers"]
    assert set(listed) == shapes.TIER
    assert shapes.is_whole(listed["threshold"])
    assert shapes.is_whole(listed["position"])


def test_a_benefit_has_a_value_only_when_it_was_given_one(shop: Shop) -> None:
    shop.tier("silver", 100, benefits=[BENEFIT, DISCOUNT])
    (listed,) = shop.api.get("/tiers").get_json()["tiers"]
    assert listed["benefits"] == [BENEFIT, DISCOUNT]


def test_a_reward_has_its_keys(shop: Shop) -> None:
    made = shop.reward("mug", 100, inventory=3, perMemberLimit=2)
    assert set(made) == shapes.REWARD
    (listed,) = shop.api.get("/rewards").get_json()["rewards"]
    assert set(listed) == shapes.REWARD
    assert (listed["pointsCost"], listed["inventoryRemaining"], listed["perMemberLimit"]) == (100, 3, 2)
    assert (listed["minTier"], listed["available"]) == (None, True)


def test_a_list_answer_has_its_keys(shop: Shop, ann: str) -> None:
    shop.credit(ann, 10)
    headers = {"X-User-Id": ann}
    assert set(shop.api.get("/tiers").get_json()) == {"tiers"}
    assert set(shop.api.get("/rewards").get_json()) == {"rewards"}
    assert set(shop.api.get("/ledger", headers=headers).get_json()) == {"entries", "nextCursor"}
    found = shop.api.get("/redemptions", headers=headers).get_json()
    assert set(found) == {"redemptions", "pendingCount", "nextCursor"}


def test_a_ledger_entry_has_its_keys(shop: Shop, ann: str) -> None:
    made = shop.credit(ann, 10, metadata={"case_id": "7"})
    (listed,) = shop.ledger(ann)
    assert made == listed
    assert set(listed) == shapes.ENTRY
    assert shapes.is_ulid(listed["id"])
    assert shapes.is_time(listed["occurredAt"])
    assert (listed["entryType"], listed["amount"], listed["balanceAfter"]) == ("adjustment", 10, 10)
    assert listed["metadata"] == {"case_id": "7"}


def test_a_redemption_has_its_keys_in_every_state(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    requested = [shop.redeem(ann, points=10) for _ in range(3)]
    closed = [shop.fulfill(requested[0]), shop.fail(requested[1]), shop.cancel(requested[2])]
    listed = shop.api.get("/redemptions", headers={"X-User-Id": ann}).get_json()["redemptions"]
    for redemption in [*requested, *closed, *listed]:
        assert set(redemption) == shapes.REDEMPTION
        assert shapes.is_ulid(redemption["id"])
        assert shapes.is_time(redemption["requestedAt"])
        assert shapes.is_time(redemption["holdExpiresAt"])
    assert [redemption["status"] for redemption in closed] == ["fulfilled", "failed", "cancelled"]
    assert listed == closed[::-1]


def test_an_open_redemption_has_nothing_of_its_end(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=10)
    assert (made["status"], made["pointsCost"], made["description"]) == ("requested", 10, "Workshop seat")
    empty = ("rewardSlug", "fulfilledAt", "closedAt", "failureReason", "ledgerEntryId", "checkoutIntentId")
    assert [made[key] for key in empty] == [None] * 6


def test_a_new_member_has_every_key(shop: Shop, ann: str) -> None:
    shown = shop.member(ann)
    assert set(shown) == shapes.MEMBER
    assert shown["userId"] == ann
    assert shapes.is_time(shown["joinedAt"])
    assert shown["referralCode"]
    assert [shown[key] for key in ("balance", "held", "available", "lifetimeEarned", "expiringSoon")] == [0] * 5
    assert (shown["pending"], shown["owed"]) == ({"total": 0, "next": []}, 0)
    assert (shown["tier"], shown["holds"], shown["expiring"], shown["upcomingBenefits"]) == (None, [], [], [])
    assert set(shown["progress"]) == shapes.PROGRESS
    assert set(shown["streak"]) == shapes.STREAK
    assert type(shown["streak"]["qualifiedThisWeek"]) is bool


def test_a_member_with_everything_has_every_inner_key(shop: Shop, ann: str) -> None:
    shop.tier("silver", 10, benefits=[BENEFIT])
    shop.tier("gold", 1000, benefits=[DISCOUNT])
    shop.reward("mug", 30)
    shop.credit(ann, 100)
    made = shop.redeem(ann, "mug")
    shown = shop.member(ann)
    assert set(shown["tier"]) == shapes.MEMBER_TIER
    assert shapes.is_time(shown["tier"]["since"])
    assert set(shown["progress"]["nextTier"]) == shapes.NEXT_TIER
    assert all(shapes.is_whole(shown["progress"][key]) for key in ("qualifyingPoints", "pointsToNext", "percent"))
    assert shown["upcomingBenefits"] == [DISCOUNT]
    (hold,) = shown["holds"]
    assert set(hold) >= shapes.HOLD
    assert (hold["redemptionId"], hold["points"], hold["rewardSlug"]) == (made["id"], 30, "mug")
    assert (hold["heldAt"], hold["expiresAt"]) == (made["requestedAt"], made["holdExpiresAt"])
    assert all(set(item) == shapes.EXPIRING and shapes.is_time(item["expiresAt"]) for item in shown["expiring"])


def test_a_member_is_provisioned_once(shop: Shop, ann: str, ben: str) -> None:
    first, again = shop.member(ann), shop.member(ann)
    assert first == again
    assert shop.member(ben)["referralCode"] != first["referralCode"]
