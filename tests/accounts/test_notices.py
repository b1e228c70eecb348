"""Of what the owner of an account is told, and of what not."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import AccountNotice
from portal.accounts.passwords import make_reset_token
from tests.accounts.test_login import PASSWORD, log_in
from tests.accounts.test_login_throttle import stranger
from tests.accounts.test_register import register
from tests.accounts.test_reset_password import reset
from tests.factories.accounts import bearer, make_token, make_user

ADA, NEW = "ada@example.com", "ada.new@example.com"


def told(session: Session) -> list[tuple[str, str | None]]:
    return [(row.notice, row.email) for row in session.scalars(select(AccountNotice).order_by(AccountNotice.id))]


def test_a_first_sign_in_is_not_told_a_new_device_is_and_then_is_known(client: FlaskClient, session: Session) -> None:
    make_user(session, email=ADA, password=PASSWORD)
    log_in(client, ADA)
    assert told(session) == []
    other = stranger(client)
    log_in(other, ADA)
    assert told(session) == [("new_device", None)]
    for browser in (client, other, client):
        log_in(browser, ADA)
    assert len(told(session)) == 1


def test_who_registers_is_known_and_the_next_browser_is_told(client: FlaskClient, session: Session) -> None:
    register(client)
    assert told(session) == []
    log_in(client, ADA)
    assert told(session) == []
    log_in(stranger(client), ADA)
    assert told(session) == [("new_device", None)]


def test_a_device_is_known_to_each_user_who_signed_in_with_it(client: FlaskClient, session: Session) -> None:
    for email in (ADA, "bob@example.com"):
        make_user(session, email=email, password=PASSWORD)
        log_in(stranger(client), email)
        log_in(client, email)
    assert len(told(session)) == 2


def test_a_reset_is_told_and_makes_every_device_new(client: FlaskClient, session: Session) -> None:
    user = make_user(session, email=ADA, password=PASSWORD)
    log_in(client, ADA)
    reset(stranger(client), make_reset_token(user), "another long password")
    assert told(session) == [("password_set", None)]
    log_in(stranger(client), ADA, "another long password")
    log_in(client, ADA, "another long password")
    assert told(session)[1:] == [("new_device", None)]


def put(client: FlaskClient, session: Session, email: str) -> int:
    headers = bearer(make_token(session, "admin"))
    return client.put("/api/v1/users/ada", json={"email": email, "name": "Ada"}, headers=headers).status_code


@pytest.mark.parametrize(("email", "expected"), [(NEW, 2), (ADA, 0), (" ADA@example.com ", 0)])
def test_another_address_from_the_shop_is_told_there_and_at_the_old_one(
    client: FlaskClient, session: Session, email: str, expected: int
) -> None:
    make_user(session, id="ada", email=ADA)
    assert put(client, session, email) == 200
    assert told(session) == [("email_changed", ADA), ("email_changed", None)][:expected]
