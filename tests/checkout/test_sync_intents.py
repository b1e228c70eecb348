"""POST /checkout/intents."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.checkout.models import CheckoutIntent
from portal.members.models import Member
from portal.platform.audit import Act
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.models import Redemption
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward

URL = "/api/v1/loyalty/checkout/intents"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "checkout")


@pytest.fixture
def member(session: Session) -> Member:
    make_reward(session, "mug", 100, inventory=3)
    return make_member(session, points=250)


def body(action: str, member: Member | None = None, **parts: Any) -> dict[str, Any]:
    user = {"userId": member.user_id} if member else {}
    return {**user, "orderReference": "A-1", "action": action, **parts}


def wish(name: str = "ci-1", **what: Any) -> dict[str, Any]:
    return {"redemption": {"checkoutIntentId": name, **(what or {"rewardSlug": "mug"})}}


def share(name: str = "ci-2", **what: Any) -> dict[str, Any]:
    return {"referralShare": {"checkoutIntentId": name, **what}}


def send(client: FlaskClient, token: str, what: Any) -> tuple[int, Any]:
    answer = client.post(URL, json=what, headers=bearer(token))
    return answer.status_code, answer.get_json()


def refused(client: FlaskClient, token: str, what: Any) -> tuple[int, str]:
    status, problem = send(client, token, what)
    return status, problem["code"]


def test_a_plan_waits_three_days_and_holds_nothing(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    status, feed = send(client, token, body("plan", member, channel="web", **wish(), **share(channel="email")))
    assert status == 200
    later, first = feed["intents"]
    assert first == {
        **first,
        "checkoutIntentId": "ci-1",
        "kind": "redemption",
        "status": "pending",
        "orderReference": "A-1",
        "channel": "web",
        "rewardSlug": "mug",
        "points": 100,
        "redemptionId": None,
        "resolvedAt": None,
    }
    assert (later["kind"], later["channel"], later["rewardSlug"], later["points"]) == (
        "referral_share",
        "email",
        None,
        None,
    )
    created, expires = (datetime.fromisoformat(first[key]) for key in ("createdAt", "expiresAt"))
    assert expires - created == timedelta(hours=72)
    assert [action["kind"] for action in feed["actions"]] == ["redemption", "referral_share"]
    assert member.held == 0


def test_the_time_to_wait_can_be_said(client: FlaskClient, token: str, member: Member) -> None:
    _, feed = send(client, token, body("plan", member, ttlHours=1, **wish()))
    created, expires = (datetime.fromisoformat(feed["intents"][0][key]) for key in ("createdAt", "expiresAt"))
    assert expires - created == timedelta(hours=1)
    for hours in (0, 8761, "5", 1.5, True):
        assert refused(client, token, body("plan", member, ttlHours=hours, **wish("ci-9")))[0] == 422


def test_confirming_holds_the_points_of_a_reward_or_of_an_amount(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    _, feed = send(client, token, body("confirm", member, **wish()))
    _, again = send(client, token, body("confirm", member, **wish("ci-3", points=30)))
    confirmed = {intent["checkoutIntentId"]: intent for intent in (*feed["intents"], *again["intents"])}
    assert {intent["status"] for intent in confirmed.values()} == {"confirmed"}
    assert feed["actions"] == again["actions"] == []
    assert member.held == 130
    made = session.scalars(select(Redemption).order_by(Redemption.id)).all()
    assert [(r.points, r.checkout_intent_id, r.description) for r in made] == [
        (100, "ci-1", "Mug"),
        (30, "ci-3", "Order A-1"),
    ]


def test_a_member_is_reminded_to_share_after_the_order(client: FlaskClient, token: str, member: Member) -> None:
    _, feed = send(client, token, body("confirm", member, **wish(), **share()))
    assert {intent["kind"]: intent["status"] for intent in feed["intents"]} == {
        "redemption": "confirmed",
        "referral_share": "pending",
    }
    assert [action["kind"] for action in feed["actions"]] == ["referral_share"]


def test_cancelling_gives_the_points_and_the_item_back(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    send(client, token, body("confirm", member, **wish()))
    status, feed = send(client, token, body("cancel", member, redemption={"checkoutIntentId": "ci-1"}))
    assert (status, feed["intents"][0]["status"], member.held) == (200, "cancelled", 0)
    redemption = session.scalars(select(Redemption)).one()
    assert (redemption.status, redemption.failure_reason) == ("cancelled", "checkout_intent_cancelled")
    assert refused(client, token, body("confirm", member, **wish())) == (409, "intent_cancelled")


def test_a_cancelling_that_overtakes_the_plan_is_remembered(client: FlaskClient, token: str, member: Member) -> None:
    assert send(client, token, body("cancel", member, **wish(), **share()))[0] == 200
    for action in ("plan", "confirm"):
        assert refused(client, token, body(action, member, **wish())) == (409, "intent_cancelled")
        assert refused(client, token, body(action, member, **share())) == (409, "intent_cancelled")


def test_what_is_fulfilled_cannot_be_cancelled(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    _, feed = send(client, token, body("confirm", member, **wish()))
    redemption = session.scalars(select(Redemption)).one()
    redemptions.fulfill_redemption(session, redemption.id, Act("test", redemption.requested_at))
    assert refused(client, token, body("cancel", member, **wish())) == (409, "redemption_already_fulfilled")
    assert feed["intents"][0]["status"] == "confirmed"


def test_a_refused_part_refuses_the_whole_request(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    send(client, token, body("cancel", member, **share("gone")))
    assert refused(client, token, body("confirm", member, **wish(), **share("gone"))) == (409, "intent_cancelled")
    assert refused(client, token, body("confirm", member, **wish(points=251), **share())) == (
        409,
        "insufficient_points",
    )
    assert session.scalars(select(CheckoutIntent.checkout_intent_id)).all() == ["gone"]
    assert (session.scalar(select(func.count()).select_from(Redemption)), member.held) == (0, 0)


def test_one_id_stands_for_one_wish_of_one_member_and_order(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    make_reward(session, "tote", 10)
    send(client, token, body("plan", member, **wish(), **share()))
    others = [
        body("plan", make_member(session, points=500), **wish()),
        body("plan", member, **wish(rewardSlug="tote")),
        body("confirm", member, **wish(points=100)),
        body("plan", member, **share("ci-1")),
        {**body("confirm", member, **wish()), "orderReference": "A-2"},
        {**body("cancel", member, **share()), "orderReference": "A-2"},
    ]
    for other in others:
        assert refused(client, token, other) == (409, "intent_conflict"), other
    assert send(client, token, {**body("confirm", member, **wish()), "channel": "app", "ttlHours": 5})[0] == 200


def test_only_what_is_offered_can_be_planned(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    make_reward(session, "hidden", 10, active=False)
    for slug in ("hidden", "unheard-of"):
        assert refused(client, token, body("plan", member, **wish(rewardSlug=slug))) == (404, "reward_not_found")
        assert refused(client, token, body("confirm", member, **wish(rewardSlug=slug))) == (404, "reward_not_found")


def test_who_may_not_spend_cannot_confirm(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    member.status = "suspended"
    assert refused(client, token, body("confirm", member, **wish())) == (403, "member_suspended")


def test_input_that_says_too_little_or_too_much_is_refused(client: FlaskClient, token: str, member: Member) -> None:
    both = {"redemption": {"checkoutIntentId": "x", "rewardSlug": "mug", "points": 5}}
    bad = [
        body("plan", member),
        body("plan", member, redemption={"checkoutIntentId": "x"}),
        body("confirm", member, redemption={"checkoutIntentId": "x"}),
        body("plan", member, **both),
        body("plan", member, **wish("x"), **share("x")),
        body("plan", member, **wish("")),
        body("buy", member, **wish()),
        body("plan", member, **wish("x" * 129)),
        body("plan", member, **wish(points=0)),
        {**body("plan", member, **wish()), "orderReference": " "},
        {**body("plan", member, **wish()), "surprise": 1},
        {**body("plan", **wish()), "userId": "no such form!"},
    ]
    for one in bad:
        assert refused(client, token, one) == (422, "validation_failed"), one


def test_a_service_names_the_member_in_the_body_or_the_header(client: FlaskClient, token: str, member: Member) -> None:
    nobody = body("plan", **wish())
    assert refused(client, token, nobody) == (400, "user_required")
    answer = client.post(URL, json=nobody, headers=bearer(token, member.user_id))
    assert answer.status_code == 200


def test_an_unknown_user_is_not_found(client: FlaskClient, token: str) -> None:
    assert refused(client, token, {**body("plan", **share()), "userId": "nobody"}) == (404, "user_not_found")


def test_a_user_becomes_a_member_by_the_first_checkout(client: FlaskClient, session: Session, token: str) -> None:
    user = make_user(session)
    assert send(client, token, {**body("plan", **share()), "userId": user.id})[0] == 200


def test_a_session_acts_for_itself_alone(client: FlaskClient, session: Session, member: Member) -> None:
    user = make_user(session)
    sign_in(client, user)
    headers = {"X-CSRFToken": csrf(client)}
    for named in ({}, {"userId": user.id}):
        assert client.post(URL, json={**body("plan", **share()), **named}, headers=headers).status_code == 200
    stranger = client.post(URL, json=body("plan", member, **share("ci-5")), headers=headers)
    assert (stranger.status_code, stranger.get_json()["code"]) == (404, "user_not_found")


def test_others_stay_outside(client: FlaskClient, session: Session, member: Member) -> None:
    assert refused(client, make_token(session, "member"), body("plan", member, **share())) == (403, "forbidden")
    assert client.post(URL, json=body("plan", member, **share())).status_code == 401
    assert client.get(URL).status_code == 405
