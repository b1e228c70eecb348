"""How often one address or number is sent invites, over all members, and what a sent invite counts for."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.jobs.web.nightly import purge_old_records
from portal.notifications.suppressions import suppress
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.referrals import problems, reads
from portal.referrals.models import Channel, InviteRecipient, ReferralInvite
from portal.referrals.standing import cancel_invite
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, REFERRAL_RULES, make_invite, rules

API = "/api/v1/loyalty"
GRACE = {"channel": "email", "inviteeEmail": "grace@example.org"}
SPELLINGS = ["Grace@Example.org", "grace+one@example.org", "grace+two@EXAMPLE.org", "ｇrace@example.org"]


@pytest.fixture
def changed(app: Portal) -> Iterator[Any]:
    """A function that changes settings for this test."""
    before = app.config["SETTINGS"]
    yield lambda **fields: app.config.update(SETTINGS=before.model_copy(update=fields))
    app.config["SETTINGS"] = before


def invite(client: FlaskClient, token: str, user_id: str, **body: Any) -> Any:
    return client.post(f"{API}/referrals", json={**GRACE, **body}, headers=bearer(token, user_id))


def issue(client: FlaskClient, token: str, user_id: str, **body: Any) -> Any:
    return client.post(f"{API}/members/{user_id}/referrals", json={**GRACE, **body}, headers=bearer(token))


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def sent(session: Session) -> int:
    return session.scalar(text("SELECT count(*) FROM outbox WHERE topic = 'message.referral_invite'")) or 0


@pytest.mark.parametrize("way", [invite, issue])
def test_the_fourth_invite_of_anybody_to_one_person_is_refused(client: FlaskClient, session: Session, way: Any) -> None:
    token = make_token(session, "admin")
    answers = [
        way(client, token, make_user(session).id, inviteeEmail=spelling)
        for spelling in (*SPELLINGS[:3], "grace@example.org")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[3].get_json()["code"] == "recipient_limit"
    assert 29 * 86_400 < int(answers[3].headers["Retry-After"]) <= 30 * 86_400
    assert sent(session) == 3


@pytest.mark.parametrize("spelling", SPELLINGS[:3])
@pytest.mark.parametrize("way", [invite, issue])
def test_a_member_invites_one_person_once_cancelled_or_not(
    client: FlaskClient, session: Session, way: Any, spelling: str, changed: Any
) -> None:
    changed(referral_member_invite_cooldown_seconds=0)
    token, user = make_token(session, "admin"), make_user(session)
    first = way(client, token, user.id).get_json()
    assert client.post(f"{API}/referrals/{first['id']}/cancel", headers=bearer(token, user.id)).status_code == 200
    answer = way(client, token, user.id, inviteeEmail=spelling)
    assert refusal(answer) == (429, "recipient_limit")
    assert way(client, token, user.id, inviteeEmail="mary@example.org").status_code == 201
    assert sent(session) == 2


def test_numbers_are_counted_as_addresses_are(client: FlaskClient, session: Session) -> None:
    token = make_token(session, "admin")
    for number in ("+4915123456789", "+49 151 23456789", "+49 (151) 234-56789"):
        body = {"channel": "sms", "inviteePhone": number, "inviteeEmail": None}
        assert invite(client, token, make_user(session).id, **body).status_code == 201
    assert refusal(invite(client, token, make_user(session).id, **body)) == (429, "recipient_limit")
    assert invite(client, token, make_user(session).id).status_code == 201


def test_the_page_says_what_to_do_instead(client: FlaskClient, session: Session) -> None:
    for _ in range(3):
        make_invite(session, make_member(session), channel=Channel.EMAIL, email="grace@example.org")
    sign_in(client, make_user(session))
    form = {"csrf_token": csrf(client), "idempotency_key": "k", "channel": "email", "invitee_email": SPELLINGS[0]}
    answer = client.post("/account/referrals", data=form)
    assert answer.status_code == 422
    assert "They were invited not long ago" in answer.text


def test_after_thirty_days_there_is_room_again(session: Session) -> None:
    member, now = make_member(session), clock.now()
    made = {"channel": Channel.EMAIL, "email": "grace@example.org"}
    make_invite(session, member, at=now - 30 * DAY + timedelta(hours=1), **made)
    with pytest.raises(problems.RecipientLimit) as caught, session.begin_nested():
        make_invite(session, member, at=now, **made)
    assert caught.value.headers == {"Retry-After": "3600"}
    assert make_invite(session, member, at=now + timedelta(hours=1, seconds=1), **made).status == "sent"


def test_links_and_what_nobody_was_sent_count_for_nobody(session: Session) -> None:
    made = {"channel": Channel.EMAIL, "email": "grace@example.org"}
    for _ in range(4):
        make_invite(session, make_member(session), email="grace@example.org")
    suppress(session, "email", "mary@example.org", reason="unsubscribed", now=clock.now())
    for _ in range(4):
        make_invite(session, make_member(session), channel=Channel.EMAIL, email="mary@example.org")
    assert session.scalar(select(func.count()).select_from(InviteRecipient)) == 0
    assert make_invite(session, make_member(session), **made).status == "sent"


def test_the_count_outlives_the_contact_data_and_cannot_be_read_back(session: Session) -> None:
    member, made = make_member(session), {"channel": Channel.EMAIL, "email": "grace@example.org"}
    erased = make_invite(session, member, **made)
    erased.invitee_email = erased.invitee_email_normalized = None
    session.flush()
    with pytest.raises(problems.RecipientLimit), session.begin_nested():
        make_invite(session, member, **made)
    kept = session.scalars(select(InviteRecipient.recipient)).one()
    assert len(kept) == 32
    other = rules(recipient_key=b"another secret")
    assert make_invite(session, member, under=other, **made).status == "sent"
    assert "recipient_key" not in repr(REFERRAL_RULES)


def test_the_programme_sends_no_more_than_its_cap_in_a_day(client: FlaskClient, session: Session, changed: Any) -> None:
    changed(invite_daily_cap=3)
    token = make_token(session, "admin")
    for number in range(3):
        assert invite(client, token, make_user(session).id, inviteeEmail=f"g{number}@example.org").status_code == 201
    for way in (invite, issue):
        answer = way(client, token, make_user(session).id, inviteeEmail="mary@example.org")
        assert refusal(answer) == (429, "invite_daily_cap")
        assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    assert invite(client, token, make_user(session).id, channel="link").status_code == 201


def test_one_that_was_sent_counts_for_the_quota_for_a_day_cancelled_or_not(session: Session) -> None:
    member, now, two = make_member(session), clock.now(), rules(max_active=2)
    for hours in (25, 23, 1):
        made = make_invite(session, member, at=now - timedelta(hours=hours))
        cancel_invite(session, made.id, Act("user:x", now))
    with pytest.raises(problems.QuotaExceeded) as caught, session.begin_nested():
        make_invite(session, member, at=now, under=two)
    assert caught.value.extra == {"max": 2, "active": 2}
    quota = reads.list_referrals(member.user_id, now=now, rules=two, session=session)["quota"]
    assert (quota["active"], quota["remaining"]) == (2, 0)
    assert make_invite(session, member, at=now + timedelta(hours=1), under=two).status == "sent"


def test_sending_again_counts_for_the_friend(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="operator"))
    member = make_member(session)
    made = make_invite(session, member, channel=Channel.EMAIL, email="grace@example.org")
    make_invite(session, make_member(session), channel=Channel.EMAIL, email="grace@example.org")
    path = f"/admin/members/{member.user_id}/referrals/{ids.encode(made.id)}/resend"
    answers = []
    for _ in range(2):
        form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": "not arrived"}
        answers.append(client.post(path, data=form).status_code)
        session.execute(text("UPDATE audit_log SET at = at - interval '2 days' WHERE action = 'referral.resend'"))
    assert answers == [303, 409]
    assert sent(session) == 3


def test_old_counts_are_purged(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        for days in (1, 400):
            made = {"channel": Channel.EMAIL, "email": f"grace{days}@example.org"}
            make_invite(session, make_member(session), at=clock.now() - days * DAY, **made)
    with committed_app.app_context():
        for step in purge_old_records(clock.now()):
            while step.work(0):
                continue
        with unit_of_work() as session:
            assert session.scalar(select(func.count()).select_from(InviteRecipient)) == 1


@pytest.mark.parametrize("way", [invite, issue])
def test_of_racing_invites_to_one_person_three_leave(committed_app: Portal, way: Any) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        users, token = [make_user(session).id for _ in range(10)], make_token(session, "admin")
    answers = at_once(committed_app, 10, lambda n: way(committed_app.test_client(), token, users[n]))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 429: 7}
    with committed_app.app_context(), unit_of_work() as session:
        assert sent(session) == 3
        assert session.scalar(select(func.count()).select_from(ReferralInvite)) == 3


def test_of_racing_issues_by_one_member_to_one_person_one_leaves(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user, token = make_user(session).id, make_token(session, "admin")
    answers = at_once(committed_app, 8, lambda n: issue(committed_app.test_client(), token, user))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: 7}


def test_the_cap_of_the_day_holds_for_invites_at_the_same_moment(committed_app: Portal) -> None:
    before = committed_app.config["SETTINGS"]
    committed_app.config["SETTINGS"] = before.model_copy(update={"invite_daily_cap": 4})
    with committed_app.app_context(), unit_of_work() as session:
        users, token = [make_user(session).id for _ in range(10)], make_token(session, "admin")
    answers = at_once(
        committed_app,
        10,
        lambda n: invite(committed_app.test_client(), token, users[n], inviteeEmail=f"grace{n}@example.org"),
    )
    assert Counter(answer.status_code for answer in answers) == {201: 4, 429: 6}
