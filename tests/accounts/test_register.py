"""/register."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, NotificationPreferences, User
from portal.accounts.registration import after_register
from portal.core import ids
from tests.factories.accounts import csrf, make_user, sign_in

ADA = {"name": " Ada Lovelace ", "email": "Ada@Example.com", "password": "correct horse battery"}


def register(client: FlaskClient, **fields: str) -> Any:
    return client.post("/register", data={**ADA, "csrf_token": csrf(client), **fields})


def only_user(session: Session) -> User:
    return session.scalars(select(User)).one()


def test_a_visitor_becomes_a_member_and_is_signed_in(client: FlaskClient, session: Session) -> None:
    answer = register(client)
    user = only_user(session)
    assert (answer.status_code, answer.location) == (303, "/account/loyalty")
    assert (user.email, user.name, user.role) == ("ada@example.com", "Ada Lovelace", "member")
    assert ids.parse(user.id) is not None
    assert client.get("/account/loyalty").status_code == 200


def test_consent_is_only_what_was_ticked(client: FlaskClient, session: Session) -> None:
    assert "checked" not in client.get("/register").text
    register(client)
    assert session.get_one(NotificationPreferences, only_user(session).id).marketing_messages is False
    client.post("/logout", data={"csrf_token": csrf(client)})
    register(client, email="grace@example.com", marketing_messages="y")
    grace = session.scalars(select(User).where(User.email == "grace@example.com")).one()
    assert session.get_one(NotificationPreferences, grace.id).marketing_messages is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "   "), ("name", "x" * 121), ("name", "a\x00b"), ("email", ""), ("email", "ada"),
        ("password", ""), ("password", "too short"), ("password", "x" * 201), ("password", "ADA@example.com"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_and_nothing_is_made(
    client: FlaskClient, session: Session, field: str, value: str
) -> None:  # fmt: skip
    answer = register(client, **{field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert session.scalar(select(func.count()).select_from(User)) == 0


def test_an_address_has_one_account(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com")
    answer = register(client)
    assert answer.status_code == 422
    assert "There is an account with this address already" in answer.text
    assert session.scalar(select(func.count()).select_from(AuthSession)) == 0


def test_a_form_without_token_makes_nothing(client: FlaskClient, session: Session) -> None:
    assert client.post("/register", data=ADA).status_code == 400
    assert session.scalar(select(func.count()).select_from(User)) == 0


def test_who_is_signed_in_goes_on(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get("/register").location == "/account/loyalty"


@pytest.fixture
def seen() -> Iterator[list[tuple[str, str | None]]]:
    told: list[tuple[str, str | None]] = []

    def hook(_session: Session, user: User, cookies: Mapping[str, str]) -> None:
        told.append((user.email, cookies.get("invited_by")))

    after_register.append(hook)
    yield told
    after_register.remove(hook)


def test_other_domains_learn_of_it_with_the_cookies(
    client: FlaskClient, session: Session, seen: list[tuple[str, str | None]]
) -> None:  # fmt: skip
    client.set_cookie("invited_by", "K7MPX42QD")
    register(client)
    assert seen == [("ada@example.com", "K7MPX42QD")]
