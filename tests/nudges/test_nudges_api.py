"""GET /nudges and POST /nudges/{id}/status."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.members.models import Member
from portal.nudges.models import Nudge
from portal.nudges.web.schemas import NudgeFeed
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.redemptions.lifecycle import release_redemption
from portal.redemptions.models import RedemptionStatus
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member, make_reward, request_reward
from tests.nudges.people import DAY, expire_soon
from tests.statements import counted

URL = "/api/v1/loyalty/nudges"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


@pytest.fixture
def member(session: Session) -> Member:
    return make_member(session, make_user(session, timezone="America/New_York", locale="de-DE"))


def feed(client: FlaskClient, token: str, member: Member) -> list[Any]:
    answer = client.get(URL, headers=bearer(token, member.user_id))
    assert answer.status_code == 200
    NudgeFeed.model_validate(answer.get_json())
    found: list[Any] = answer.get_json()["nudges"]
    return found


def say(client: FlaskClient, token: str, user_id: str, nudge_id: str, status: Any) -> Any:
    return client.post(f"{URL}/{nudge_id}/status", json={"status": status}, headers=bearer(token, user_id))


def age(session: Session, hours: float) -> None:
    """Let all nudges be so much older."""
    moved = "created_at = created_at - :by, expires_at = expires_at - :by"
    session.execute(text(f"UPDATE loyalty_nudges SET {moved}"), {"by": timedelta(hours=hours)})


def test_a_nudge_speaks_in_its_readers_figures_and_days(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    until = datetime.fromisoformat("2026-11-30T04:00:00+00:00")
    while until < clock.now() + DAY:
        until = until.replace(year=until.year + 1)
    earn(session, member, 1200, expires_at=until)
    with clock.at(until - 5 * DAY):
        (card,) = feed(client, token, member)
    assert card == {
        "id": card["id"],
        "type": "expiring_points",
        "title": "1,200 points expire soon",
        "body": "Use them by 28 November, and they won’t be lost. See which rewards are within reach.",
        "ctaLabel": "See rewards",
        "ctaUrl": "http://localhost/account/loyalty#rewards",
        "priority": 90,
        "channels": ["email", "push", "sms"],
        "status": "active",
        "reason": "You have 1,200 points that expire by 28 November.",
        "createdAt": (until - 5 * DAY).isoformat(),
        "expiresAt": (until + 9 * DAY).isoformat(),
        "metadata": {
            "points": 1200,
            "lots": 1,
            "first_expires_at": until.isoformat(),
            "expires_at": until.isoformat(),
        },
    }


def test_every_signal_has_its_words_its_links_and_encoded_ids(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    make_reward(session, "mug", 30)
    expire_soon(session, member, 1)
    expire_soon(session, member, 80, days=12)
    share = make_intent(session, member, order="A-7")
    make_intent(session, member, points=20)
    wish = make_intent(session, member, reward="mug", order="A-8")
    with clock.at(clock.now() - 4 * DAY):
        waiting = request_reward(session, member, "mug")
    cards = {card["type"]: card for card in feed(client, token, member)}
    assert list(cards) == ["expiring_points", "checkout_reminder", "stalled_redemption", "referral_share"]
    assert cards["checkout_reminder"]["metadata"]["intent_id"] == ids.encode(wish.id)
    assert cards["referral_share"]["metadata"]["intent_id"] == ids.encode(share.id)
    assert cards["stalled_redemption"]["metadata"]["redemption_id"] == ids.encode(waiting.id)
    assert cards["checkout_reminder"]["title"] == "Mug is waiting for you"
    sign_in(client, session.get_one(User, member.user_id))
    for card in cards.values():
        assert card["reason"].endswith(".")
        assert client.get(card["ctaUrl"].removeprefix("http://localhost")).status_code == 200


def test_a_nudge_goes_with_its_cause_and_comes_back_with_it(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    make_reward(session, "mug", 120)
    expire_soon(session, member)
    (card,) = feed(client, token, member)
    held = request_reward(session, member, "mug")
    assert feed(client, token, member) == []
    release_redemption(session, held.id, RedemptionStatus.FAILED, Act("test", clock.now(), "None left"))
    assert [again["id"] for again in feed(client, token, member)] == [card["id"]]


def test_acknowledged_stays_behind_the_others_and_dismissed_leaves_until_something_new_arises(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    expire_soon(session, member)
    make_intent(session, member, ttl=9 * DAY)
    expiring, share = feed(client, token, member)
    for _ in range(2):
        answer = say(client, token, member.user_id, expiring["id"], "acknowledged")
        assert (answer.status_code, answer.get_json()) == (200, {**expiring, "status": "acknowledged"})
    assert [(card["id"], card["status"]) for card in feed(client, token, member)] == [
        (share["id"], "active"),
        (expiring["id"], "acknowledged"),
    ]
    for nudge in (share, expiring):
        assert say(client, token, member.user_id, nudge["id"], "dismissed").get_json()["status"] == "dismissed"
    assert say(client, token, member.user_id, share["id"], "acknowledged").get_json()["status"] == "dismissed"
    assert feed(client, token, member) == []
    make_intent(session, member, order="A-2")
    assert [card["reason"][-30:] for card in feed(client, token, member)] == ["A-2 that you might tell a friend."[-30:]]


def test_what_was_dismissed_does_not_come_back_with_its_old_cause(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    make_reward(session, "mug", 120)
    expire_soon(session, member)
    (card,) = feed(client, token, member)
    say(client, token, member.user_id, card["id"], "dismissed")
    held = request_reward(session, member, "mug")
    assert feed(client, token, member) == []
    assert session.scalars(select(Nudge.status)).one() == "gone"
    release_redemption(session, held.id, RedemptionStatus.FAILED, Act("test", clock.now(), "None left"))
    assert feed(client, token, member) == []
    expire_soon(session, member, 5)
    assert [card["title"] for card in feed(client, token, member)] == ["125 points expire soon"]


def test_its_time_ends_it_for_good_until_something_new_arises(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    expire_soon(session, member)
    assert len(feed(client, token, member)) == 1
    age(session, 335)
    assert len(feed(client, token, member)) == 1
    age(session, 2)
    for _ in range(2):
        assert feed(client, token, member) == []
    expire_soon(session, member, 5)
    assert len(feed(client, token, member)) == 1
    assert sorted(session.scalars(select(Nudge.status))) == ["active", "gone"]


def test_polling_is_one_read_until_something_changes(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    expire_soon(session, member)
    feed(client, token, member)
    headers = bearer(token, member.user_id)
    answer = client.get(URL, headers=headers)
    with counted(session) as sent:
        assert client.get(URL, headers=headers).get_data() == answer.get_data()
    assert len(sent) == 1
    assert not any(word in sent[0] for word in ("INSERT", "UPDATE"))
    unchanged = {**headers, "If-None-Match": answer.headers["ETag"]}
    assert client.get(URL, headers=unchanged).status_code == 304
    assert answer.get_json()["pollAfterSeconds"] == 45


def test_a_revoked_token_reads_nothing(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    feed(client, token, member)
    session.execute(text("UPDATE api_tokens SET revoked_at = now()"))
    assert client.get(URL, headers=bearer(token, member.user_id)).status_code == 401


def test_who_is_no_member_yet_has_none_and_who_is_nobody_is_not_found(
    client: FlaskClient, session: Session, token: str
) -> None:
    newcomer = make_user(session)
    answer = client.get(URL, headers=bearer(token, newcomer.id))
    assert answer.get_json() == {"nudges": [], "pollAfterSeconds": 45}
    assert client.get(URL, headers=bearer(token, "nobody")).get_json()["code"] == "user_not_found"


def test_strangers_and_unknown_ids_are_not_found(
    client: FlaskClient, session: Session, token: str, member: Member
) -> None:
    expire_soon(session, member)
    (card,) = feed(client, token, member)
    stranger = make_member(session).user_id
    for user_id, nudge_id in [
        (stranger, card["id"]),
        ("nobody", card["id"]),
        (member.user_id, ids.encode(ids.new_id())),
        (member.user_id, "x"),
    ]:
        answer = say(client, token, user_id, nudge_id, "dismissed")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "nudge_not_found")
    assert len(feed(client, token, member)) == 1


def test_bad_input_scopes_and_methods(client: FlaskClient, session: Session, token: str, member: Member) -> None:
    expire_soon(session, member)
    (card,) = feed(client, token, member)
    for status in ("active", "gone", "", None, 7):
        answer = say(client, token, member.user_id, card["id"], status)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "status")
    checkout = make_token(session, "checkout")
    assert say(client, checkout, member.user_id, card["id"], "dismissed").status_code == 403
    assert client.get(URL, headers=bearer(checkout, member.user_id)).status_code == 403
    assert client.get(URL, headers=bearer(token)).get_json()["code"] == "user_required"
    assert client.get(URL).status_code == 401
    assert client.post(URL, headers=bearer(token, member.user_id)).status_code == 405
    assert client.get(f"{URL}/{card['id']}/status", headers=bearer(token, member.user_id)).status_code == 405
