"""/password/forgot: a link by email, and no word about who has an account."""

from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import clock
from portal.core.models import OutboxMessage
from tests.factories.accounts import csrf, make_user


def forget(client: FlaskClient, email: str) -> Any:
    return client.post("/password/forgot", data={"email": email, "csrf_token": csrf(client)})


def asked_for(session: Session) -> list[str]:
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "message.password_reset"))
    return [row.payload["user_id"] for row in rows]


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
