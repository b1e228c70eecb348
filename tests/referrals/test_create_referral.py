"""POST /referrals."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.notifications.suppressions import suppress
from portal.platform import clock, ids
from portal.referrals.models import ReferralInvite
from portal.referrals.problems import QuotaExceeded
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, make_invite, rules

PATH = "/api/v1/loyalty/referrals"
FIELDS = {
    "id",
    "code",
    "status",
    "channel",
    "inviteeEmail",
    "inviteeName",
    "shareUrl",
    "createdAt",
    "sentAt",
    "expiresAt",
    "convertedAt",
    "cancelledAt",
    "rewardPoints",
}


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


def create(client: FlaskClient, token: str, user_id: str, **body: Any) -> Any:
    return client.post(PATH, json={"channel": "link", **body}, headers=bearer(token, user_id))


def messages(session: Session) -> list[Any]:
    return list(session.scalars(text("SELECT payload FROM outbox WHERE topic = 'message.referral_invite'")))


def test_a_link_has_a_code_that_can_be_read_aloud_and_sends_nothing(
    client: FlaskClient, session: Session, token: str
) -> None:
    answer = create(client, token, make_user(session).id, inviteeName="Grace")
    invite = answer.get_json()
    assert answer.status_code == 201
    assert set(invite) == FIELDS
    assert (invite["status"], invite["channel"], invite["inviteeName"]) == ("sent", "link", "Grace")
    assert len(invite["code"]) == 9
    assert not set(invite["code"]) & set("01IOL")
    assert invite["shareUrl"] == f"http://localhost/r/{invite['code']}"
    assert invite["rewardPoints"] == 500
    assert messages(session) == []


@pytest.mark.parametrize(
    "how",
    [{"channel": "email", "inviteeEmail": "Grace@Example.org"}, {"channel": "sms", "inviteePhone": "+49 151 23456789"}],
)
def test_an_invite_by_email_or_sms_leaves_through_the_outbox_by_id_alone(
    client: FlaskClient, session: Session, token: str, how: dict[str, str]
) -> None:
    invite = create(client, token, make_user(session).id, **how).get_json()
    assert (invite["status"], invite["sentAt"]) == ("sent", invite["createdAt"])
    assert [message["invite_id"] for message in messages(session)] == [invite["id"]]
    assert set(messages(session)[0]) == {"invite_id", "member_id"}


@pytest.mark.parametrize(
    ("how", "channel", "address"),
    [
        ({"channel": "email", "inviteeEmail": "gr.ace+x@gmail.com"}, "email", "GRACE@googlemail.com"),
        ({"channel": "sms", "inviteePhone": "+4915123456789"}, "sms", "+4915123456789"),
    ],
)
def test_an_address_that_opted_out_gets_no_message_and_the_answer_says_so(
    client: FlaskClient, session: Session, token: str, how: dict[str, str], channel: str, address: str
) -> None:
    suppress(session, channel, address, reason="unsubscribed", now=clock.now())
    answer = create(client, token, make_user(session).id, **how)
    assert answer.status_code == 201
    invite = answer.get_json()
    assert (invite["status"], invite["sentAt"], invite["notSentReason"]) == ("draft", None, "suppressed")
    assert messages(session) == []


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "email"},
        {"channel": "email", "inviteeEmail": "no address"},
        {"channel": "sms"},
        {"channel": "sms", "inviteePhone": "12345"},
        {"channel": "pigeon"},
        {"channel": None},
        {"message": "x" * 501},
        {"message": "nul \x00"},
        {"surprise": 1},
    ],
)
def test_bad_input_is_named(client: FlaskClient, session: Session, token: str, body: dict[str, Any]) -> None:
    answer = create(client, token, make_user(session).id, **body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")
    assert answer.get_json()["errors"]


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@example.com", "ada+friend@example.com"])
def test_ones_own_address_is_refused_however_it_is_spelled(
    client: FlaskClient, session: Session, token: str, spelling: str
) -> None:
    user = make_user(session, email="ada@example.com")
    answer = create(client, token, user.id, channel="email", inviteeEmail=spelling)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "self_referral")
    assert session.query(ReferralInvite).count() == 0


def test_the_pause_between_two_invites_is_said_in_seconds(client: FlaskClient, session: Session, token: str) -> None:
    user = make_user(session)
    assert create(client, token, user.id).status_code == 201
    answer = create(client, token, user.id)
    assert (answer.status_code, answer.get_json()["code"]) == (429, "invite_cooldown")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    quota = client.get(PATH, headers=bearer(token, user.id)).get_json()["quota"]
    assert (quota["active"], quota["cooldownSeconds"]) == (1, 60)
    assert quota["nextInviteAt"]


def test_open_invites_are_limited_and_cancelling_one_makes_room(
    client: FlaskClient, session: Session, token: str
) -> None:
    member = make_member(session)
    long_ago = clock.now() - DAY
    invites = [make_invite(session, member, at=long_ago) for _ in range(10)]
    answer = create(client, token, member.user_id)
    assert (answer.status_code, answer.get_json()["code"]) == (429, "invite_quota_exceeded")
    client.post(f"{PATH}/{encoded(invites[0])}/cancel", headers=bearer(token, member.user_id))
    assert create(client, token, member.user_id).status_code == 201


def test_invites_past_their_date_count_no_more_before_the_sweep(
    client: FlaskClient, session: Session, token: str
) -> None:
    member = make_member(session)
    for _ in range(10):
        make_invite(session, member, at=clock.now() - 91 * DAY)
    assert create(client, token, member.user_id).status_code == 201


def test_a_code_that_is_taken_is_drawn_again(session: Session) -> None:
    member = make_member(session)
    taken = make_invite(session, member, new_code=lambda: "TAKENCDE2").code
    drawn = iter([taken, member.referral_code, "FRESHCDE3"])
    assert make_invite(session, member, new_code=lambda: next(drawn)).code == "FRESHCDE3"


def test_a_draw_that_never_ends_says_so(session: Session) -> None:
    member = make_member(session)
    taken = make_invite(session, member).code
    with pytest.raises(RuntimeError, match="no free referral code"):
        make_invite(session, member, new_code=lambda: taken)


def test_a_suspended_member_may_not_invite(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session)
    member.status = "suspended"
    answer = create(client, token, member.user_id)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "member_suspended")


def test_the_same_key_makes_one_invite(client: FlaskClient, session: Session, token: str) -> None:
    headers = {**bearer(token, make_user(session).id), "Idempotency-Key": "k"}
    answers = [client.post(PATH, json={"channel": "link"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].get_data() == answers[1].get_data()
    assert session.query(ReferralInvite).count() == 1


def test_a_signed_in_member_needs_the_form_token(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.post(PATH, json={"channel": "link"}).get_json()["code"] == "csrf_failed"
    assert client.post(PATH, json={"channel": "link"}, headers={"X-CSRFToken": csrf(client)}).status_code == 201


def test_others_are_turned_away(client: FlaskClient, session: Session, token: str) -> None:
    assert client.get(PATH).status_code == 401
    assert client.post(PATH, json={}, headers=bearer(token)).get_json()["code"] == "user_required"
    assert create(client, token, "nobody").get_json()["code"] == "user_not_found"
    assert create(client, make_token(session, "checkout"), make_user(session).id).status_code == 403
    assert client.put(PATH, json={}, headers=bearer(token, "x")).status_code == 405


def test_the_quota_of_the_rules_is_what_counts(session: Session) -> None:
    member = make_member(session)
    make_invite(session, member, under=rules(max_active=1))
    with pytest.raises(QuotaExceeded) as refusal:
        make_invite(session, member, under=rules(max_active=1))
    assert refusal.value.extra == {"max": 1, "active": 1}


def encoded(invite: ReferralInvite) -> str:
    return ids.encode(invite.id)
