"""`GET /next-actions` and resolve."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.shapes import is_time, is_ulid, is_whole
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share


def test_there_is_nothing_to_do_at_first(till: Till) -> None:
    assert till.feed() == {"intents": [], "actions": []}


def test_each_pending_intent_has_a_card_of_words_and_a_way_to_go(shop: Shop, till: Till) -> None:
    shop.reward("mug", 30, name="Blue mug")
    till.plan(redemption(rewardSlug="mug"), share())
    feed = till.feed()
    intents = {intent["id"]: intent for intent in feed["intents"]}
    assert len(feed["actions"]) == 2
    for action in feed["actions"]:
        intent = intents[action["intentId"]]
        assert is_ulid(action["intentId"])
        assert (action["kind"], action["expiresAt"]) == (intent["kind"], intent["expiresAt"])
        assert is_time(action["expiresAt"])
        assert is_whole(action["priority"])
        assert all(action[key].strip() for key in ("title", "body", "ctaLabel"))
        assert action["ctaUrl"].startswith(("http://localhost/", "/"))
    assert any("Blue mug" in action["title"] + action["body"] for action in feed["actions"])


def test_cards_do_not_show_markup_of_others(till: Till) -> None:
    till.plan(redemption(), orderReference="<script>alert(1)</script>")
    assert till.feed()["intents"][0]["orderReference"] == "<script>alert(1)</script>"


@pytest.mark.parametrize("status", ["resolved", "cancelled"])
@pytest.mark.parametrize("part", [redemption(), share()])
def test_what_is_answered_leaves_the_feed_at_once(shop: Shop, till: Till, part: Any, status: str) -> None:
    made = till.plan(part)
    answer = till.resolve(made, status)
    assert answer.status_code == 200
    assert (answer.get_json()["id"], answer.get_json()["status"]) == (made["id"], status)
    assert is_time(answer.get_json()["resolvedAt"])
    assert till.feed() == {"intents": [], "actions": []}
    assert shop.points(till.user_id) == (100, 0, 100)


@pytest.mark.parametrize("status", ["resolved", "cancelled"])
def test_the_same_answer_twice_changes_nothing(till: Till, status: str) -> None:
    made = till.plan(redemption())
    first, again = till.resolve(made, status), till.resolve(made, status)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json() == again.get_json()


def test_a_cancelled_card_is_not_confirmed_any_more(shop: Shop, till: Till) -> None:
    till.resolve(till.plan(redemption()), "cancelled")
    assert code(till.ask("confirm", redemption())) == (409, "intent_cancelled")
    assert shop.points(till.user_id) == (100, 0, 100)


def test_a_reminder_after_the_order_is_put_away(till: Till) -> None:
    made = till.confirm(share())
    assert till.resolve(made).get_json()["status"] == "resolved"
    assert till.pending() == []
    assert till.ask("confirm", share()).status_code in (200, 409)
    assert till.pending() == []


@pytest.mark.parametrize("status", ["pending", "confirmed", "expired", "", None, 5, [], "RESOLVED", "resolved "])
def test_another_status_is_422(till: Till, status: Any) -> None:
    assert till.resolve(till.plan(redemption()), status).status_code == 422
    assert till.pending() == ["c-1"]


def test_a_resolution_needs_a_status(till: Till) -> None:
    made = till.plan(redemption())
    headers = {"X-User-Id": till.user_id}
    assert till.api.post(f"/next-actions/{made['id']}/resolve", {}, headers).status_code == 422
    assert till.api.post(f"/next-actions/{made['id']}/resolve", [], headers).status_code in (400, 422)


def test_another_members_card_is_not_found(till: Till, ben: str) -> None:
    made = till.plan(redemption())
    stranger = Till(till.api, ben)
    assert stranger.resolve(made).status_code == 404
    assert (stranger.pending(), till.pending()) == ([], ["c-1"])


@pytest.mark.parametrize("intent_id", ["01M7Z4G3F7M7ZE1AVKXMVH16XR", "c-1", "0", "x" * 26, "%00", "é", "x" * 3000])
def test_an_unknown_card_is_not_found(till: Till, intent_id: str) -> None:
    till.plan(redemption())
    assert till.resolve({"id": intent_id}).status_code == 404


def test_a_service_names_the_user(as_scope: As, till: Till) -> None:
    made = till.plan(redemption())
    api = as_scope("member")
    assert code(api.get("/next-actions")) == (400, "user_required")
    assert code(api.post(f"/next-actions/{made['id']}/resolve", {"status": "resolved"})) == (400, "user_required")
    member = Till(api, till.user_id)
    assert member.pending() == ["c-1"]
    assert member.resolve(made).status_code == 200


def test_without_credentials_there_is_no_feed(till: Till) -> None:
    headers = {"Authorization": "Bearer x", "X-User-Id": till.user_id}
    assert till.api.get("/next-actions", headers=headers).status_code == 401


def test_an_unchanged_feed_is_304_and_a_changed_one_is_not(till: Till) -> None:
    headers = {"X-User-Id": till.user_id}
    for number, word in enumerate((till.plan, till.plan, till.cancel, till.plan)):
        tag = till.api.get("/next-actions", headers=headers).headers["ETag"]
        again = till.api.get("/next-actions", headers={**headers, "If-None-Match": tag})
        assert (again.status_code, again.headers["ETag"]) == (304, tag)
        word(redemption("c-1" if word == till.cancel else f"c-{number + 1}"))
        assert till.api.get("/next-actions", headers={**headers, "If-None-Match": tag}).status_code == 200


def test_the_end_of_an_intent_is_news(till: Till) -> None:
    till.plan(redemption())
    headers = {"X-User-Id": till.user_id}
    tag = till.api.get("/next-actions", headers=headers).headers["ETag"]
    with time_machine.travel(clock.now() + timedelta(hours=73)):
        answer = till.api.get("/next-actions", headers={**headers, "If-None-Match": tag})
        assert (answer.status_code, answer.get_json()) == (200, {"intents": [], "actions": []})


def test_one_key_resolves_once_with_the_same_bytes(till: Till) -> None:
    made = till.plan(redemption())
    path, headers = f"/next-actions/{made['id']}/resolve", {"X-User-Id": till.user_id, "Idempotency-Key": "k"}
    first, again = (till.api.post(path, {"status": "resolved"}, headers) for _ in range(2))
    assert (first.data, again.headers["Idempotent-Replayed"]) == (again.data, "true")
    assert code(till.api.post(path, {"status": "cancelled"}, headers)) == (422, "idempotency_key_reused")
