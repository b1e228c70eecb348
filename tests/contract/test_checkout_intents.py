"""Plan, confirm and cancel: what each does, and that repeating it does nothing more."""

from datetime import datetime, timedelta

import pytest

from portal.platform import clock
from tests.contract.document import Json
from tests.contract.shapes import is_time, is_ulid
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share

pytestmark = pytest.mark.usefixtures("clean_ledger")
INTENT = {
    "id",
    "checkoutIntentId",
    "kind",
    "status",
    "orderReference",
    "channel",
    "rewardSlug",
    "points",
    "redemptionId",
    "createdAt",
    "expiresAt",
    "resolvedAt",
}
ACTION = {"intentId", "kind", "title", "body", "ctaLabel", "ctaUrl", "priority", "expiresAt"}


def lasts(intent: Json) -> timedelta:
    return datetime.fromisoformat(intent["expiresAt"]) - datetime.fromisoformat(intent["createdAt"])


def test_a_plan_stores_a_pending_intent_and_holds_nothing(shop: Shop, till: Till) -> None:
    made = till.plan(redemption(), channel="kiosk")
    assert set(made) == INTENT
    assert is_ulid(made["id"])
    assert is_time(made["createdAt"])
    assert abs(datetime.fromisoformat(made["createdAt"]) - clock.now()) < timedelta(minutes=1)
    assert (made["checkoutIntentId"], made["kind"], made["status"]) == ("c-1", "redemption", "pending")
    assert (made["orderReference"], made["channel"], made["points"]) == ("A-1", "kiosk", 30)
    assert (made["rewardSlug"], made["redemptionId"], made["resolvedAt"]) == (None, None, None)
    assert shop.points(till.user_id) == (100, 0, 100)
    assert till.redemptions() == []


def test_a_plan_needs_no_points_yet(shop: Shop, till: Till) -> None:
    assert till.plan(redemption(points=5000))["status"] == "pending"


@pytest.mark.parametrize(("fields", "hours"), [({}, 72), ({"ttlHours": None}, 72), ({"ttlHours": 5}, 5)])
def test_an_intent_lives_72_hours_unless_the_checkout_says_otherwise(till: Till, fields: Json, hours: int) -> None:
    assert lasts(till.plan(redemption(), **fields)) == timedelta(hours=hours)
    assert lasts(till.plan(share(), **fields)) == timedelta(hours=hours)


def test_two_parts_are_planned_by_one_request(till: Till) -> None:
    answer = till.ask("plan", redemption(), share(channel="sms"), channel="web").get_json()
    assert set(answer) == {"intents", "actions"}
    assert all(set(action) == ACTION for action in answer["actions"])
    kinds = {intent["kind"]: intent for intent in answer["intents"]}
    assert set(kinds) == {"redemption", "referral_share"}
    assert kinds["referral_share"]["channel"] == "sms"
    assert kinds["redemption"]["channel"] == "web"
    assert {action["intentId"] for action in answer["actions"]} == {intent["id"] for intent in answer["intents"]}


def test_the_answer_is_the_whole_feed_of_the_member(till: Till) -> None:
    till.plan(redemption("c-1"))
    answer = till.ask("plan", redemption("c-2", 5), orderReference="A-2").get_json()
    assert {intent["checkoutIntentId"] for intent in answer["intents"]} == {"c-1", "c-2"}
    assert answer == till.feed()


def test_a_confirmation_reserves_the_points_of_the_plan(shop: Shop, till: Till) -> None:
    planned = till.plan(redemption())
    done = till.confirm(redemption())
    (made,) = till.redemptions()
    assert (done["id"], done["status"], done["redemptionId"]) == (planned["id"], "confirmed", made["id"])
    assert (made["status"], made["pointsCost"], made["checkoutIntentId"]) == ("requested", 30, "c-1")
    assert shop.points(till.user_id) == (100, 30, 70)
    assert till.feed() == {"intents": [], "actions": []}


def test_a_confirmation_needs_no_plan(shop: Shop, till: Till) -> None:
    assert till.confirm(redemption())["status"] == "confirmed"
    assert shop.points(till.user_id) == (100, 30, 70)


def test_a_reward_is_reserved_at_its_cost_and_taken_from_stock(shop: Shop, till: Till) -> None:
    shop.reward("mug", 40, inventory=2)
    assert till.plan(redemption(rewardSlug="mug"))["rewardSlug"] == "mug"
    assert shop.stock("mug") == (2, True)
    done = till.confirm(redemption(rewardSlug="mug"))
    assert (done["rewardSlug"], done["points"], shop.stock("mug")) == ("mug", 40, (1, True))
    till.cancel(redemption(rewardSlug="mug"))
    assert shop.stock("mug") == (2, True)


@pytest.mark.parametrize("action", ["plan", "confirm", "cancel"])
def test_repeating_an_action_changes_nothing_and_answers_200(shop: Shop, till: Till, action: str) -> None:
    till.plan(redemption(), share())
    first = till.ask(action, redemption(), share())
    before = (shop.points(till.user_id), till.redemptions(), till.feed())
    again = till.ask(action, redemption(), share())
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_json() == first.get_json()
    assert (shop.points(till.user_id), till.redemptions(), till.feed()) == before


def test_a_plan_after_the_confirmation_takes_nothing_back(shop: Shop, till: Till) -> None:
    till.confirm(redemption())
    till.ask("plan", redemption())
    assert till.confirm(redemption())["status"] == "confirmed"
    assert shop.points(till.user_id) == (100, 30, 70)
    assert till.pending() == []


@pytest.mark.parametrize("verb", ["fulfill", "fail", "cancel"])
def test_a_confirmation_repeated_after_the_shop_is_done_reserves_no_second_time(
    shop: Shop, till: Till, verb: str
) -> None:
    till.confirm(redemption())
    getattr(shop, verb)(till.redemptions()[0])
    before = shop.points(till.user_id)
    assert till.ask("confirm", redemption()).status_code == 200
    assert (len(till.redemptions()), shop.points(till.user_id)) == (1, before)


def test_a_confirmed_share_stays_pending_to_remind_after_the_order(shop: Shop, till: Till) -> None:
    till.plan(share())
    assert till.confirm(share())["status"] == "pending"
    assert till.confirm(share("s-2"))["status"] == "pending"
    assert till.pending() == ["s-1", "s-2"]
    assert shop.points(till.user_id) == (100, 0, 100)


def test_a_cancellation_closes_what_was_planned(till: Till) -> None:
    till.plan(redemption(), share())
    done = till.ask("cancel", redemption(), share())
    assert done.status_code == 200
    assert {intent["status"] for intent in done.get_json()["intents"]} <= {"cancelled"}
    assert (till.pending(), till.redemptions()) == ([], [])


def test_a_cancellation_gives_the_points_back_and_says_why(shop: Shop, till: Till) -> None:
    till.confirm(redemption())
    assert till.cancel(redemption())["status"] == "cancelled"
    (made,) = till.redemptions()
    assert (made["status"], made["failureReason"]) == ("cancelled", "checkout_intent_cancelled")
    assert shop.points(till.user_id) == (100, 0, 100)


def test_a_cancellation_needs_only_the_name_of_the_intent(shop: Shop, till: Till) -> None:
    till.confirm(redemption())
    assert till.cancel(redemption(points=None))["status"] == "cancelled"
    assert shop.points(till.user_id) == (100, 0, 100)


@pytest.mark.parametrize("verb", ["fail", "cancel"])
def test_what_the_shop_has_released_can_still_be_cancelled(shop: Shop, till: Till, verb: str) -> None:
    till.confirm(redemption())
    getattr(shop, verb)(till.redemptions()[0], "Sold out")
    assert till.cancel(redemption())["status"] == "cancelled"
    assert till.redemptions()[0]["failureReason"] == "Sold out"
    assert shop.points(till.user_id) == (100, 0, 100)


def test_two_intents_of_one_order_are_two_holds(shop: Shop, till: Till) -> None:
    till.confirm(redemption("c-1", 30))
    till.confirm(redemption("c-2", 30))
    assert shop.points(till.user_id) == (100, 60, 40)
    till.cancel(redemption("c-1"))
    assert shop.points(till.user_id) == (100, 30, 70)
