"""Password resets and invitations: real mails from the outbox."""

import re
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select

from portal.accounts.models import User
from portal.accounts.reset import request_reset
from portal.members.models import Member
from portal.notifications.models import Message
from portal.notifications.suppressions import suppress
from portal.platform import clock, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.referrals.models import Channel, ReferralInvite
from portal.referrals.standing import cancel_invite
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import make_invite
from tests.http_sink import HttpSink
from tests.sink import Sink

FRIEND = "grace@example.com"


def invite(**fields: Any) -> ReferralInvite:
    with unit_of_work() as session:
        member = make_member(session, make_user(session, name="Ada Andersson"))
        made = make_invite(session, member, **{"channel": Channel.EMAIL, "email": FRIEND, **fields})
        session.expunge(made)
        return made


def outcome() -> tuple[str, str]:
    with unit_of_work() as session:
        row = session.scalars(select(Message)).one()
        return row.status, row.reason


@pytest.mark.parametrize("marketing", [True, False])
def test_a_reset_link_is_sent_whatever_one_thinks_of_marketing_and_it_works(
    mailing_app: Portal, sink: Sink, marketing: bool
) -> None:
    with unit_of_work() as session:
        user = make_user(session, marketing_messages=marketing, password="the old password")
        request_reset(session, user.email)
    outbox.deliver()
    (mail,) = sink.to(user.email)
    assert "List-Unsubscribe" not in mail
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"http://localhost(/password/reset/\S+)", body.get_content())
    assert link is not None
    assert mailing_app.test_client().get(link[1]).status_code == 200


def test_an_invitation_names_who_invites_and_leads_to_the_landing_page(mailing_app: Portal, sink: Sink) -> None:
    made = invite(name="Grace", message="You will love the mugs")
    outbox.deliver()
    (mail,) = sink.to(FRIEND)
    body = mail.get_body(("plain",))
    assert mail["Subject"] == "Ada invites you to Acme Rewards"
    assert body is not None
    assert f"http://localhost/r/{made.code}" in body.get_content()
    assert "You will love the mugs" in body.get_content()
    path = mail["List-Unsubscribe"].strip("<>").removeprefix("http://localhost")
    assert mailing_app.test_client().post(path).status_code == 200
    invite()
    outbox.deliver()
    assert len(sink.mails) == 1


@pytest.mark.parametrize(("at_registration", "when"), [(False, "with your first order"), (True, "to start with")])
def test_an_invitation_says_what_its_welcome_points_need(
    mailing_app: Portal, sink: Sink, at_registration: bool, when: str
) -> None:
    current_app.config["SETTINGS"].referral_convert_at_registration = at_registration
    invite()
    outbox.deliver()
    body = sink.to(FRIEND)[0].get_body(("plain",))
    assert body is not None
    assert f"you get 100 points {when}." in body.get_content()


def test_an_invitation_is_not_sent_once_it_was_cancelled(mailing_app: Portal, sink: Sink) -> None:
    made = invite()
    with unit_of_work() as session:
        cancel_invite(session, made.id, Act("test", clock.now()))
    outbox.deliver()
    assert sink.mails == []
    assert outcome() == ("suppressed", "invite_closed")


def test_an_address_that_opted_out_meanwhile_gets_no_invitation(mailing_app: Portal, sink: Sink) -> None:
    invite()
    with unit_of_work() as session:
        suppress(session, "email", FRIEND, reason="complaint", now=clock.now())
    outbox.deliver()
    assert sink.mails == []
    assert outcome() == ("suppressed", "unsubscribed")


def test_an_invitation_by_sms_goes_to_the_provider(mailing_app: Portal, http_sink: HttpSink) -> None:
    current_app.config["SETTINGS"].sms_url = f"json://127.0.0.1:{http_sink.port}/{{phone}}"
    made = invite(channel=Channel.SMS, email=None, phone="+14155552671")
    outbox.deliver()
    (request,) = http_sink.requests
    assert made.code.encode() in request.body
    assert outcome()[0] == "sent"


@pytest.mark.parametrize("name", ["evil.example/x Free", "Free evil.example", "ｗｗｗ．evil", "\u202e\u200b"])
def test_a_name_that_is_a_link_by_now_leaves_as_a_neutral_word(mailing_app: Portal, sink: Sink, name: str) -> None:
    invite(message="You will love the mugs")
    with unit_of_work() as session:
        session.scalars(select(User)).one().name = name
    outbox.deliver()
    (mail,) = sink.to(FRIEND)
    assert mail["Subject"] == "A friend invites you to Acme Rewards"
    assert "evil" not in mail.as_string()


def test_words_from_before_anybody_looked_leave_without_links_and_hidden_characters(
    mailing_app: Portal, sink: Sink
) -> None:
    made = invite(name="Grace", message="Come")
    with unit_of_work() as session:
        kept = session.get_one(ReferralInvite, (made.member_id, made.id))
        kept.invitee_name, kept.message = "Gr\u200bace", "Go to evil.example"
    outbox.deliver()
    (mail,) = sink.to(FRIEND)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Hello Grace," in body.get_content()
    assert "evil" not in mail.as_string()


@pytest.mark.parametrize("way", ["suspended", "closed"])
def test_an_invitation_of_a_suspended_member_waits_for_nobody(mailing_app: Portal, sink: Sink, way: str) -> None:
    invite()
    with unit_of_work() as session:
        if way == "suspended":
            session.scalars(select(Member)).one().status = "suspended"
        else:
            session.scalars(select(User)).one().disabled_at = clock.now()
    outbox.deliver()
    assert sink.mails == []
    assert outcome() == ("suppressed", "member_suspended")


def test_a_number_whose_country_is_texted_no_more_gets_nothing(mailing_app: Portal, http_sink: HttpSink) -> None:
    current_app.config["SETTINGS"].sms_url = f"json://127.0.0.1:{http_sink.port}/{{phone}}"
    invite(channel=Channel.SMS, email=None, phone="+14155552671")
    current_app.config["SETTINGS"].invite_sms_countries = "DE"
    outbox.deliver()
    assert http_sink.requests == []
    assert outcome() == ("suppressed", "number_not_texted")
