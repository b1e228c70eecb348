"""GET /next-actions and POST /next-actions/{id}/resolve."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.checkout.intents import Action
from portal.checkout.reads import MAX_SHOWN
from portal.members.models import Member
from portal.platform import clock, ids
from tests.factories.accounts import bearer, make_token, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import make_member, make_reward

URL = "/api/v1/loyalty/next-actions"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


@pytest.fixture
def member(session: Session) -> Member:
    make_reward(session, "mug", 100)
    return make_member(session, points=250)


def feed(client: FlaskClient, token: str, member: Member) -> Any:
    answer = client.get(URL, headers=bearer(token, member.user_id))
    assert answer.status_code == 200
    return answer.get_json()


def resolve(client: FlaskClient, token: str, user_id: str, intent_id: str, status: str = "resolved") -> Any:
    return client.post(f"{URL}/{intent_id}/resolve", json={"status": status}, headers=bearer(token, user_id))


def test_pending_intents_come_with_their_cards(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    share = make_intent(session, member)
    wish = make_intent(session, member, reward="mug")
    amount = make_intent(session, member, points=40, order="A-" + "9" * 80)
    shown = feed(client, token, member)
    assert [intent["id"] for intent in shown["intents"]] == [ids.encode(i.id) for i in (amount, wish, share)]
    cards = {action["intentId"]: action for action in shown["actions"]}
    assert cards[ids.encode(wish.id)] == {
        "intentId": ids.encode(wish.id),
        "kind": "redemption",
        "title": "Mug is waiting for you",
        "body": "You picked it for order A-1: 100 points, and it is yours.",
        "ctaLabel": "Get it now",
        "ctaUrl": f"http://localhost/account/loyalty/rewards/mug/redeem?intent={ids.encode(wish.id)}",
        "priority": 80,
        "expiresAt": shown["intents"][1]["expiresAt"],
    }
    assert [action["priority"] for action in shown["actions"]] == [80, 80, 40]
    assert len(cards[ids.encode(amount.id)]["body"]) < 140


def test_the_links_of_cards_lead_to_pages_of_this_portal(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    for what in ({}, {"reward": "mug"}, {"points": 40}):
        make_intent(session, member, **what)
    links = [action["ctaUrl"] for action in feed(client, token, member)["actions"]]
    sign_in(client, session.get_one(User, member.user_id))
    for link in links:
        assert client.get(link.removeprefix("http://localhost")).status_code == 200, link


def test_only_what_waits_is_shown(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    old = clock.now() - timedelta(hours=73)
    make_intent(session, member, at=old)
    make_intent(session, member, reward="mug", action=Action.CONFIRM)
    make_intent(session, member, action=Action.CANCEL)
    make_intent(session, make_member(session))
    assert feed(client, token, member) == {"intents": [], "actions": []}


@pytest.mark.parametrize("lacks", ["email_verified_at", "standing"])
def test_who_may_not_refer_is_not_asked_to_tell_a_friend(
    client: FlaskClient, session: Session, token: str, member: Member, lacks: str
) -> None:
    """Such a card would lead to a refusal (D6)."""
    make_intent(session, member)
    assert [action["kind"] for action in feed(client, token, member)["actions"]] == ["referral_share"]
    if lacks == "standing":
        member.status = "suspended"
    else:
        session.get_one(User, member.user_id).email_verified_at = None
    session.flush()
    assert feed(client, token, member)["actions"] == []


def test_the_feed_is_bounded(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    start = clock.now()
    made = [make_intent(session, member, at=start + timedelta(seconds=n)) for n in range(MAX_SHOWN + 5)]
    shown = [intent["id"] for intent in feed(client, token, member)["intents"]]
    assert shown == [ids.encode(intent.id) for intent in reversed(made[5:])]


def test_a_resolved_action_leaves_the_feed(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    for status in ("resolved", "cancelled"):
        intent = ids.encode(make_intent(session, member, reward="mug").id)
        answers = [resolve(client, token, member.user_id, intent, status) for _ in range(2)]
        assert [(answer.status_code, answer.get_json()["status"]) for answer in answers] == [(200, status)] * 2
        assert answers[0].get_json() == answers[1].get_json()
        assert answers[0].get_json()["resolvedAt"]
    assert feed(client, token, member)["intents"] == []


def test_a_confirmed_redemption_keeps_its_points_when_its_card_is_put_away_late(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    intent = make_intent(session, member, reward="mug", action=Action.CONFIRM)
    answer = resolve(client, token, member.user_id, ids.encode(intent.id), "cancelled")
    assert (answer.status_code, answer.get_json()["status"], member.held) == (200, "confirmed", 100)


def test_strangers_and_unknown_ids_are_not_found(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    intent = ids.encode(make_intent(session, member).id)
    stranger = make_member(session).user_id
    for user_id, intent_id in [
        (stranger, intent),
        ("nobody", intent),
        (member.user_id, ids.encode(ids.new_id())),
        (member.user_id, "x"),
    ]:
        answer = resolve(client, token, user_id, intent_id)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "intent_not_found"), (user_id, intent_id)
    assert client.get(URL, headers=bearer(token, "nobody")).get_json()["code"] == "user_not_found"


def test_bad_input_scopes_and_methods(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    intent = ids.encode(make_intent(session, member).id)
    for status in ("pending", "expired", "", None):
        assert resolve(client, token, member.user_id, intent, status).status_code == 422
    checkout = make_token(session, "checkout")
    assert resolve(client, checkout, member.user_id, intent).status_code == 403
    assert client.get(URL, headers=bearer(checkout, member.user_id)).status_code == 403
    assert client.get(URL, headers=bearer(token)).get_json()["code"] == "user_required"
    assert client.get(URL).status_code == 401
    assert client.post(URL, headers=bearer(token, member.user_id)).status_code == 405
    assert client.get(f"{URL}/{intent}/resolve", headers=bearer(token, member.user_id)).status_code == 405
