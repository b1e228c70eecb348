"""Every refusal of CONTRACT's Checkout section, and that a refused request leaves nothing behind."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.document import Json
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share

pytestmark = pytest.mark.usefixtures("clean_ledger")
CONFLICT = (409, "intent_conflict")


@pytest.mark.parametrize("part", [redemption(), share()])
@pytest.mark.parametrize("first", ["plan", "confirm"])
def test_what_was_cancelled_is_not_confirmed(shop: Shop, till: Till, part: Json, first: str) -> None:
    till.ask(first, part)
    till.cancel(part)
    assert code(till.ask("confirm", part)) == (409, "intent_cancelled")
    assert (till.pending(), shop.points(till.user_id)) == ([], (100, 0, 100))


@pytest.mark.parametrize(("fields", "hours"), [({}, 72), ({"ttlHours": 1}, 1)])
@pytest.mark.parametrize("part", [redemption(), share()])
def test_after_its_time_an_intent_is_not_confirmed(
    shop: Shop, till: Till, part: Json, fields: Json, hours: int
) -> None:
    till.plan(part, **fields)
    due = clock.now() + timedelta(hours=hours)
    with time_machine.travel(due - timedelta(minutes=1)):
        assert len(till.pending()) == 1
    with time_machine.travel(due + timedelta(minutes=1)):
        assert till.pending() == []
        assert code(till.ask("confirm", part)) == (409, "intent_expired")
        assert shop.points(till.user_id) == (100, 0, 100)


def test_a_confirmation_in_time_stays_confirmed_after_it(shop: Shop, till: Till) -> None:
    till.confirm(redemption())
    with time_machine.travel(clock.now() + timedelta(hours=73)):
        assert till.ask("confirm", redemption()).status_code == 200
        assert shop.points(till.user_id) == (100, 30, 70)
        till.cancel(redemption())
        assert shop.points(till.user_id) == (100, 0, 100)


def test_what_was_fulfilled_is_not_cancelled(shop: Shop, till: Till) -> None:
    till.confirm(redemption())
    shop.fulfill(till.redemptions()[0])
    assert code(till.ask("cancel", redemption())) == (409, "redemption_already_fulfilled")
    assert (till.redemptions()[0]["status"], shop.points(till.user_id)) == ("fulfilled", (70, 0, 70))


@pytest.mark.parametrize("first", ["plan", "confirm", "cancel"])
@pytest.mark.parametrize("action", ["plan", "confirm", "cancel"])
@pytest.mark.parametrize("part", [redemption("x"), share("x")])
def test_another_members_intent_is_a_conflict(
    shop: Shop, till: Till, ben: str, first: str, action: str, part: Json
) -> None:
    till.plan(part)
    till.ask(first, part)
    shop.credit(ben, 100)
    before = (till.pending(), shop.points(till.user_id))
    other = Till(till.api, ben)
    assert code(other.ask(action, part)) == CONFLICT
    assert (other.pending(), shop.points(ben)) == ([], (100, 0, 100))
    assert (till.pending(), shop.points(till.user_id)) == before


@pytest.mark.parametrize("first", ["plan", "confirm"])
@pytest.mark.parametrize("action", ["plan", "confirm"])
@pytest.mark.parametrize("other", [redemption("x", 31), redemption("x", rewardSlug="mug"), share("x")])
def test_other_content_is_a_conflict(shop: Shop, till: Till, first: str, action: str, other: Json) -> None:
    shop.reward("mug", 30)
    till.ask(first, redemption("x"))
    before = shop.points(till.user_id)
    assert code(till.ask(action, other)) == CONFLICT
    assert shop.points(till.user_id) == before


def test_a_share_is_not_confirmed_as_a_redemption(shop: Shop, till: Till) -> None:
    till.plan(share("x"))
    assert code(till.ask("confirm", redemption("x"))) == CONFLICT
    assert shop.points(till.user_id) == (100, 0, 100)


def test_too_few_points_are_told_as_elsewhere(shop: Shop, till: Till) -> None:
    till.plan(redemption(points=101))
    answer = till.ask("confirm", redemption(points=101))
    assert code(answer) == (409, "insufficient_points")
    assert (answer.get_json()["available"], answer.get_json()["required"]) == (100, 101)
    assert (till.pending(), shop.points(till.user_id)) == (["c-1"], (100, 0, 100))
    shop.credit(till.user_id, 1)
    assert till.confirm(redemption(points=101))["status"] == "confirmed"


def test_rewards_are_refused_as_elsewhere(shop: Shop, till: Till) -> None:
    shop.tier("bronze", 0)
    shop.tier("gold", 1000)
    shop.reward("gone", 5, inventory=0)
    shop.reward("once", 5, perMemberLimit=1)
    shop.reward("golden", 5, minTier="gold")
    till.confirm(redemption("c-0", rewardSlug="once"))
    for slug, expected in (
        ("gone", (409, "reward_out_of_stock")),
        ("once", (409, "reward_limit_reached")),
        ("golden", (403, "tier_required")),
        ("nothing", (404, "reward_not_found")),
    ):
        assert code(till.ask("confirm", redemption(slug, rewardSlug=slug))) == expected
    assert (till.pending(), len(till.redemptions())) == ([], 1)


@pytest.mark.parametrize("action", ["plan", "confirm"])
def test_a_refused_share_takes_the_redemption_with_it(shop: Shop, till: Till, action: str) -> None:
    till.plan(share())
    till.cancel(share())
    answer = till.ask("confirm", redemption(), share())
    assert code(answer) == (409, "intent_cancelled")
    assert (till.pending(), till.redemptions(), shop.points(till.user_id)) == ([], [], (100, 0, 100))


def test_a_refused_redemption_takes_the_share_with_it(till: Till) -> None:
    assert code(till.ask("confirm", redemption(points=101), share())) == (409, "insufficient_points")
    assert till.pending() == []


def test_a_refused_cancellation_keeps_the_share(shop: Shop, till: Till) -> None:
    till.confirm(redemption(), share())
    shop.fulfill(till.redemptions()[0])
    assert code(till.ask("cancel", redemption(), share())) == (409, "redemption_already_fulfilled")
    assert till.pending() == ["s-1"]


def test_both_parts_need_a_name_of_their_own(shop: Shop, till: Till) -> None:
    answer = till.ask("confirm", redemption("x"), share("x"))
    assert answer.status_code in (409, 422)
    assert (till.pending(), till.redemptions(), shop.points(till.user_id)) == ([], [], (100, 0, 100))


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "buy"},
        {"action": None},
        {"action": 5},
        {"orderReference": ""},
        {"orderReference": None},
        {"orderReference": 5},
        {"ttlHours": 0},
        {"ttlHours": -1},
        {"ttlHours": "5"},
        {"ttlHours": 1.5},
        {"ttlHours": 10**9},
        {"redemption": None},
        {"redemption": []},
        {"redemption": {}},
        redemption(""),
        redemption(points=0),
        redemption(points=-5),
        redemption(points=True),
        redemption(points="5"),
        redemption(points=1.5),
        redemption(points=10**20),
        redemption(points=None),
        redemption("x" * 5000),
        redemption("a\x00b"),
        redemption(rewardSlug=""),
        redemption(rewardSlug=5),
        {"redemption": {"checkoutIntentId": "x", "points": 5, "rewardSlug": "mug"}},
        {"redemption": {"points": 5}},
        {"referralShare": {}},
        {"referralShare": {"checkoutIntentId": 5}},
        {"channel": 5},
        {"channel": "x" * 10_000},
        {"orderReference": "x" * 10_000},
        {"orderReference": "a\x00"},
    ],
)
@pytest.mark.parametrize("action", ["plan", "confirm"])
def test_what_makes_no_sense_is_422(shop: Shop, till: Till, action: str, fields: dict[str, Any]) -> None:
    shop.reward("mug", 5)
    assert till.ask(action, redemption(), fields).status_code == 422
    assert (till.pending(), till.redemptions()) == ([], [])


def test_a_checkout_names_its_member(as_scope: As) -> None:
    body = {"orderReference": "A-1", "action": "plan", **redemption()}
    assert as_scope("checkout").post("/checkout/intents", body).status_code in (400, 422)
    assert as_scope("admin").post("/checkout/intents", body).status_code in (400, 422)


def test_an_unknown_member_is_404(till: Till) -> None:
    for action in ("plan", "confirm", "cancel"):
        assert code(till.ask(action, redemption(), userId="nobody")) == (404, "user_not_found")


@pytest.mark.parametrize("user_id", ["", "a b", "x" * 65, 5, "a/b", "\x00"])
def test_an_impossible_user_is_refused(till: Till, user_id: Any) -> None:
    assert till.ask("plan", redemption(), userId=user_id).status_code in (404, 422)
