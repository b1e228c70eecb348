"""Tier upgrades are announced by mail, once, to those who want it."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select

from portal.accounts.preferences import Preferences, put_preferences
from portal.notifications.models import Message
from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import earn, make_member, make_tier
from tests.sink import Sink


def rise(marketing: bool | None = True, **preferences: object) -> str:
    """Let a member reach Gold; gives their address."""
    with unit_of_work() as session:
        make_tier(session, "gold", 100, benefits=[{"kind": "shipping", "label": "Free <fast> shipping"}])
        make_tier(session, "platinum", 5000)
        user = make_user(session, name="Ada Andersson", marketing_messages=marketing)
        if preferences:
            muted = preferences.pop("muted", ())
            put_preferences(session, user.id, Preferences(True, **preferences), muted)  # type: ignore[arg-type]  # fields of Preferences
        earn(session, make_member(session, user), 150)
        return user.email


def message() -> Message:
    with unit_of_work() as session:
        found = session.scalars(select(Message)).one()
        session.expunge(found)
        return found


def test_an_adjustment_that_crosses_a_threshold_puts_one_mail_with_both_parts_in_the_sink(
    mailing_app: Portal, sink: Sink
) -> None:
    with unit_of_work() as session:
        make_tier(session, "gold", 100, benefits=[{"kind": "shipping", "label": "Free <fast> shipping"}])
        user = make_user(session, name="Ada Andersson", marketing_messages=True)
        headers = bearer(make_token(session, "admin"))
    answer = mailing_app.test_client().post(
        f"/api/v1/loyalty/members/{user.id}/adjustments", json={"points": 150, "reason": "Goodwill"}, headers=headers
    )
    assert answer.status_code == 201
    for _ in range(3):
        outbox.deliver()
    (mail,) = sink.to(user.email)
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "Free <fast> shipping" in text.get_content()
    assert "Free &lt;fast&gt; shipping" in page.get_content()
    assert mail["Subject"] == "You have reached Gold"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<http://localhost/unsubscribe/")
    assert mail["From"] == "Acme Rewards <rewards@localhost>"
    sent = message()
    assert (sent.status, sent.channel, sent.backend, sent.attempts) == ("sent", "email", "smtp", 1)
    assert (sent.recipient, sent.body_text) == (None, None), "what a provider took is not kept"


@pytest.mark.parametrize(
    ("marketing", "preferences", "reason"),
    [
        (False, {}, "marketing_off"),
        (None, {}, "marketing_off"),
        (True, {"muted": ["tier_upgrade"]}, "kind_muted"),
        (True, {"email": False}, "no_channel"),
    ],
)
def test_who_does_not_want_it_gets_none_and_the_reason_is_recorded(
    mailing_app: Portal, sink: Sink, marketing: bool | None, preferences: dict[str, object], reason: str
) -> None:
    rise(marketing, **preferences)
    assert outbox.deliver()["done"] == 1
    assert sink.mails == []
    assert (message().status, message().reason) == ("suppressed", reason)


def test_consent_is_asked_for_again_when_the_message_leaves(mailing_app: Portal, sink: Sink) -> None:
    address = rise()
    with unit_of_work() as session:
        member = session.scalars(select(OutboxMessage)).one()
        assert member.status == "pending"
        put_preferences(session, address.split("@")[0].replace("user", "user-"), Preferences(False), ())
    outbox.deliver()
    assert sink.mails == []


def test_quiet_hours_in_the_members_time_zone_put_it_off_until_they_end(mailing_app: Portal, sink: Sink) -> None:
    rise(quiet_from=time(22), quiet_until=time(7))
    night = (datetime.now(UTC) + timedelta(days=1)).replace(hour=23, minute=30, second=0, microsecond=0)
    with clock.at(night):
        assert outbox.deliver()["postponed"] == 1
    assert sink.mails == []
    with unit_of_work() as session:
        row = session.scalars(select(OutboxMessage)).one()
        assert (row.next_attempt_at, row.attempts) == (night + timedelta(hours=7, minutes=30), 0)
    with clock.at(night + timedelta(hours=8)):
        assert outbox.deliver()["done"] == 1
    assert len(sink.mails) == 1
