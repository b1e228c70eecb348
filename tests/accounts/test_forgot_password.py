"""/password/forgot: a link by email, and no word about who has an account."""

from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.notifications.models import Message
from portal.platform import clock
from portal.platform.models import OutboxMessage
from portal.platform.outbox import deliver
from tests.factories.accounts import csrf, make_user
from tests.statements import counted


def forget(client: FlaskClient, email: str) -> Any:
    return client.post("/password/forgot", data={"email": email, "csrf_token": csrf(client)})


def asked_for(session: Session) -> list[str]:
    """The users who are to be sent a link."""
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "message.password_reset"))
    return [row.payload["user_id"] for row in rows if row.payload["user_id"] is not None]


def test_the_page_asks_for_an_address(client: FlaskClient) -> None:
    assert 'name="email"' in client.get("/password/forgot").text
    assert client.get("/password/sent").status_code == 200


def test_a_user_gets_a_link_by_the_outbox(client: FlaskClient, session: Session) -> None:
    user = make_user(session, email="ada@example.com")
    answer = forget(client, "ADA@example.com")
    assert (answer.status_code, answer.location) == (303, "/password/sent")
    assert asked_for(session) == [user.id]


def test_nobody_is_told_who_has_an_account(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com")
    known, unknown = forget(client, "ada@example.com"), forget(client, "nobody@example.com")
    assert (known.status_code, known.location, known.text) == (unknown.status_code, unknown.location, unknown.text)
    assert len(asked_for(session)) == 1


def test_the_same_statements_are_sent_whoever_has_the_address(client: FlaskClient, session: Session) -> None:
    """What is sent is found out by a worker, so that the time an answer takes tells nothing."""
    make_user(session, email="ada@example.com")
    make_user(session, email="gone@example.com", disabled_at=clock.now())
    sent = []
    for email in ("ada@example.com", "gone@example.com", "nobody@example.com"):
        with counted(session) as statements:
            forget(client, email)
        sent.append(list(statements))
    assert sent[0] == sent[1] == sent[2]
    assert session.scalar(select(func.count()).where(OutboxMessage.topic == "message.password_reset")) == 3


def test_a_user_gets_five_links_a_day(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com")
    with time_machine.travel(clock.now().replace(hour=1), tick=False) as traveller:
        for _ in range(7):
            traveller.shift(61)
            assert forget(client, "ada@example.com").location == "/password/sent"
            deliver()
        statuses = select(Message.status, Message.reason).order_by(Message.id)
        assert [tuple(row) for row in session.execute(statuses)] == [("sent", "")] * 5 + [
            ("suppressed", "daily_cap")
        ] * 2
        traveller.shift(24 * 3600)
        forget(client, "ada@example.com")
        deliver()
        assert len(session.scalars(select(Message.id).where(Message.status == "sent")).all()) == 6


def test_a_user_who_is_not_verified_gets_a_link_as_their_mail_is_what_it_proves(
    client: FlaskClient, session: Session
) -> None:
    make_user(session, email="ada@example.com", email_verified_at=None)
    forget(client, "ada@example.com")
    deliver()
    assert session.scalars(select(Message.status)).all() == ["sent"]


def test_a_disabled_user_gets_none(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", disabled_at=clock.now())
    assert forget(client, "ada@example.com").status_code == 303
    assert asked_for(session) == []


def test_asking_again_in_the_same_minute_sends_one(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com")
    with time_machine.travel(clock.now().replace(second=1), tick=False) as traveller:
        for _ in range(3):
            forget(client, "ada@example.com")
        assert len(asked_for(session)) == 1
        traveller.shift(60)
        forget(client, "ada@example.com")
        assert len(asked_for(session)) == 2


@pytest.mark.parametrize("email", ["", "ada"])
def test_what_is_no_address_is_said(client: FlaskClient, email: str) -> None:
    answer = forget(client, email)
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text


def test_a_form_without_token_is_refused(client: FlaskClient) -> None:
    assert client.post("/password/forgot", data={"email": "ada@example.com"}).status_code == 400
