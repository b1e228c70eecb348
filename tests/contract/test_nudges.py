"""`GET /nudges` and the member's answer: the four signals of rule 15 and how long they last."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.shapes import is_time, is_ulid, is_whole
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share

NUDGE = {
    "id",
    "type",
    "title",
    "body",
    "ctaLabel",
    "ctaUrl",
    "priority",
    "channels",
    "status",
    "reason",
    "createdAt",
    "expiresAt",
    "metadata",
}
SIGNALS = ["expiring_points", "stalled_redemption", "checkout_reminder", "referral_share"]
STALLED = timedelta(days=10)


def soon(days: float = 3) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


def arouse(shop: Shop, till: Till, signal: str, number: int = 1) -> Any:
    """Make a further cause of a signal and what takes the cause away again."""
    if signal == "expiring_points":
        shop.credit(till.user_id, 20, expiresAt=soon(1))
        return lambda: shop.redeem(till.user_id, points=20)
    if signal == "stalled_redemption":
        with time_machine.travel(clock.now() - STALLED):
            made = shop.redeem(till.user_id, points=10)
        return lambda: shop.fulfill(made)
    part = redemption(f"c-{number}") if signal == "checkout_reminder" else share(f"s-{number}")
    till.plan(part)
    return lambda: till.cancel(part)


@pytest.fixture
def till(shop: Shop, ann: str) -> Till:
    """A checkout for ann, who has had 100 points for a long time that do not expire."""
    with time_machine.travel(clock.now() - 2 * STALLED):
        shop.credit(ann, 100, expiresAt=None)
    return Till(shop.api, ann)


def test_who_has_nothing_due_has_no_nudges(shop: Shop, till: Till) -> None:
    shop.redeem(till.user_id, points=5)
    answer = till.api.get("/nudges", headers={"X-User-Id": till.user_id})
    assert answer.get_json() == {"nudges": [], "pollAfterSeconds": 45}


@pytest.mark.parametrize("signal", SIGNALS)
def test_each_signal_makes_one_nudge_that_says_why(shop: Shop, till: Till, signal: str) -> None:
    arouse(shop, till, signal)
    (nudge,) = till.nudges().values()
    assert set(nudge) == NUDGE
    assert is_ulid(nudge["id"])
    assert nudge["type"] == signal
    assert all(nudge[key].strip() for key in ("title", "body", "ctaLabel", "reason"))
    assert nudge["ctaUrl"].startswith(("http://localhost/", "/"))
    assert is_whole(nudge["priority"])
    assert set(nudge["channels"]) <= {"email", "sms", "push"}
    assert is_time(nudge["createdAt"])
    assert is_time(nudge["expiresAt"])
    assert datetime.fromisoformat(nudge["expiresAt"]) > clock.now()
    assert isinstance(nudge["metadata"], dict)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_further_cause_does_not_make_a_second_nudge(shop: Shop, till: Till, signal: str) -> None:
    for number in range(3):
        arouse(shop, till, signal, number)
        assert list(till.nudges()) == [signal]


def test_four_signals_are_four_nudges(shop: Shop, till: Till) -> None:
    for signal in SIGNALS:
        arouse(shop, till, signal)
    assert set(till.nudges()) == set(SIGNALS)
    found = till.api.get("/nudges", headers={"X-User-Id": till.user_id}).get_json()["nudges"]
    assert [nudge["priority"] for nudge in found] == sorted((nudge["priority"] for nudge in found), reverse=True)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_nudge_whose_cause_is_gone_disappears(shop: Shop, till: Till, signal: str) -> None:
    end = arouse(shop, till, signal)
    assert list(till.nudges()) == [signal]
    end()
    assert till.nudges() == {}


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_nudge_comes_back_for_a_new_cause_after_the_old_one_was_gone(shop: Shop, till: Till, signal: str) -> None:
    arouse(shop, till, signal, 1)()
    assert till.nudges() == {}
    arouse(shop, till, signal, 2)
    assert list(till.nudges()) == [signal]


@pytest.mark.parametrize("signal", SIGNALS)
def test_dismissed_it_stays_away_until_another_cause_arises(shop: Shop, till: Till, signal: str) -> None:
    arouse(shop, till, signal, 1)
    answer = till.answer(till.nudges()[signal], "dismissed")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "dismissed")
    assert till.nudges() == {}
    with time_machine.travel(clock.now() + timedelta(hours=20)):
        assert till.nudges() == {}
        arouse(shop, till, signal, 2)
        assert list(till.nudges()) == [signal]


@pytest.mark.parametrize("signal", SIGNALS)
def test_dismissed_it_does_not_come_back_because_one_of_two_causes_is_gone(shop: Shop, till: Till, signal: str) -> None:
    end = arouse(shop, till, signal, 1)
    arouse(shop, till, signal, 2)
    till.answer(till.nudges()[signal], "dismissed")
    end()
    assert till.nudges() == {}


@pytest.mark.parametrize("signal", ["stalled_redemption", "checkout_reminder", "referral_share"])
def test_dismissed_it_is_not_brought_back_by_another_signal(shop: Shop, till: Till, signal: str) -> None:
    arouse(shop, till, signal)
    till.answer(till.nudges()[signal], "dismissed")
    arouse(shop, till, "expiring_points")
    assert list(till.nudges()) == ["expiring_points"]


@pytest.mark.parametrize("signal", SIGNALS)
def test_acknowledged_it_is_told_as_such_and_not_twice(shop: Shop, till: Till, signal: str) -> None:
    arouse(shop, till, signal)
    nudge = till.nudges()[signal]
    first, again = till.answer(nudge, "acknowledged"), till.answer(nudge, "acknowledged")
    assert [answer.status_code for answer in (first, again)] == [200, 200]
    assert (first.get_json()["id"], first.get_json()["status"]) == (nudge["id"], "acknowledged")
    assert first.get_json() == again.get_json()
    assert {nudge["status"] for nudge in till.nudges().values()} <= {"acknowledged"}


def test_points_far_from_their_end_call_for_nothing(shop: Shop, till: Till) -> None:
    shop.credit(till.user_id, 20, expiresAt=soon(300))
    shop.credit(till.user_id, 20)
    assert till.nudges() == {}


def test_points_that_ended_call_for_nothing(shop: Shop, till: Till) -> None:
    shop.credit(till.user_id, 20, expiresAt=soon(1))
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        assert till.nudges() == {}


def test_held_points_are_not_called_expiring(shop: Shop, till: Till) -> None:
    shop.credit(till.user_id, 20, expiresAt=soon(1))
    shop.redeem(till.user_id, points=15)
    assert "5 points" in till.nudges()["expiring_points"]["title"] + till.nudges()["expiring_points"]["reason"]


def test_a_reminder_ends_with_its_intent(till: Till) -> None:
    till.plan(redemption(), share(), ttlHours=1)
    assert set(till.nudges()) == {"checkout_reminder", "referral_share"}
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        assert till.nudges() == {}


@pytest.mark.parametrize("status", ["resolved", "cancelled"])
def test_a_reminder_ends_when_the_action_is_answered(till: Till, status: str) -> None:
    till.resolve(till.plan(redemption()), status)
    assert till.nudges() == {}


def test_a_confirmed_redemption_needs_no_reminder_and_a_confirmed_share_does(till: Till) -> None:
    till.plan(redemption(), share())
    till.confirm(redemption(), share())
    assert list(till.nudges()) == ["referral_share"]


def test_nobody_sees_or_answers_anothers_nudge(shop: Shop, till: Till, ben: str) -> None:
    arouse(shop, till, "referral_share")
    nudge = till.nudges()["referral_share"]
    stranger = Till(till.api, ben)
    assert stranger.nudges() == {}
    for status in ("dismissed", "acknowledged"):
        assert stranger.answer(nudge, status).status_code == 404
    assert till.nudges()["referral_share"]["status"] == nudge["status"]


@pytest.mark.parametrize("nudge_id", ["01M7Z4G3F7M7ZE1AVKXMVH16XR", "0", "x" * 26, "%00", "é", "x" * 3000])
def test_an_unknown_nudge_is_not_found(till: Till, nudge_id: str) -> None:
    till.nudges()
    assert till.answer({"id": nudge_id}, "dismissed").status_code == 404


@pytest.mark.parametrize("status", ["active", "gone", "sent", "", None, 5, [], "DISMISSED"])
def test_another_status_is_422(shop: Shop, till: Till, status: Any) -> None:
    arouse(shop, till, "referral_share")
    nudge = till.nudges()["referral_share"]
    assert till.answer(nudge, status).status_code == 422
    assert till.nudges() == {"referral_share": nudge}


def test_an_unchanged_feed_is_304_and_a_dismissal_is_news(shop: Shop, till: Till) -> None:
    arouse(shop, till, "referral_share")
    headers = {"X-User-Id": till.user_id}
    tag = till.api.get("/nudges", headers=headers).headers["ETag"]
    for _ in range(2):
        assert till.api.get("/nudges", headers={**headers, "If-None-Match": tag}).status_code == 304
    till.answer(till.nudges()["referral_share"], "dismissed")
    answer = till.api.get("/nudges", headers={**headers, "If-None-Match": tag})
    assert (answer.status_code, answer.get_json()["nudges"]) == (200, [])


def test_a_service_names_the_user_and_needs_the_scope(as_scope: As, till: Till) -> None:
    assert code(as_scope("member").get("/nudges")) == (400, "user_required")
    assert as_scope("member", user_id=till.user_id).get("/nudges").status_code == 200
    assert code(as_scope("checkout", user_id=till.user_id).get("/nudges")) == (403, "forbidden")
    assert code(as_scope("member", user_id="nobody").get("/nudges")) == (404, "user_not_found")


def test_one_key_answers_once(shop: Shop, till: Till) -> None:
    arouse(shop, till, "referral_share")
    path = f"/nudges/{till.nudges()['referral_share']['id']}/status"
    headers = {"X-User-Id": till.user_id, "Idempotency-Key": "k"}
    first, again = (till.api.post(path, {"status": "dismissed"}, headers) for _ in range(2))
    assert (first.data, again.headers["Idempotent-Replayed"]) == (again.data, "true")
    assert code(till.api.post(path, {"status": "acknowledged"}, headers)) == (422, "idempotency_key_reused")


def test_marketing_off_leaves_the_cards(shop: Shop, till: Till) -> None:
    user = {"email": "ann@example.com", "name": "Ann", "marketingMessages": False}
    assert shop.api.put(f"/api/v1/users/{till.user_id}", user).status_code == 200
    arouse(shop, till, "referral_share")
    assert list(till.nudges()) == ["referral_share"]
