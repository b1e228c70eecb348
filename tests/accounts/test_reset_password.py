"""/password/reset/{token}: a new password, once."""

from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.passwords import make_reset_token, verify_password
from portal.platform import clock
from tests.accounts.test_login import PASSWORD, log_in
from tests.factories.accounts import csrf, make_user, sign_in

NEW = "another long password"


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, email="ada@example.com", password=PASSWORD)


def reset(client: FlaskClient, token: str, password: str = NEW) -> Any:
    return client.post(f"/password/reset/{token}", data={"password": password, "csrf_token": csrf(client)})


def test_the_link_sets_a_password_to_sign_in_with(client: FlaskClient, user: User) -> None:
    token = make_reset_token(user)
    assert 'name="password"' in client.get(f"/password/reset/{token}").text
    answer = reset(client, token)
    assert (answer.status_code, answer.location) == (303, "/login")
    assert log_in(client, "ada@example.com").status_code == 422
    assert log_in(client, "ada@example.com", NEW).status_code == 303


def test_the_link_works_once(client: FlaskClient, user: User) -> None:
    token = make_reset_token(user)
    reset(client, token)
    assert client.get(f"/password/reset/{token}").status_code == 410
    answer = reset(client, token, "a third long password")
    assert answer.status_code == 410
    assert "no longer works" in answer.text
    assert verify_password(user, NEW)


def test_a_reset_ends_every_session(client: FlaskClient, user: User) -> None:
    row = sign_in(client, user)
    reset(client.application.test_client(), make_reset_token(user))
    assert row.revoked_at is not None
    assert client.get("/account/loyalty").status_code == 303


def test_a_user_made_by_the_storefront_sets_their_first_password(client: FlaskClient, session: Session) -> None:
    user = make_user(session, email="grace@example.com")
    reset(client, make_reset_token(user))
    assert log_in(client, "grace@example.com", NEW).status_code == 303


def test_a_reset_ends_the_pause_after_failures(client: FlaskClient, user: User) -> None:
    for _ in range(5):
        log_in(client, user.email, "wrong password")
    assert log_in(client, user.email).status_code == 429
    reset(client, make_reset_token(user))
    assert log_in(client, user.email, NEW).status_code == 303


def test_time_ends_the_link(client: FlaskClient, user: User) -> None:
    token = make_reset_token(user)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        traveller.shift(59 * 60)
        assert client.get(f"/password/reset/{token}").status_code == 200
        traveller.shift(2 * 60)
        assert client.get(f"/password/reset/{token}").status_code == 410


def test_a_changed_address_or_a_disabled_user_ends_the_link(client: FlaskClient, user: User) -> None:
    token = make_reset_token(user)
    user.email = "king@example.com"
    assert client.get(f"/password/reset/{token}").status_code == 410
    token = make_reset_token(user)
    user.disabled_at = clock.now()
    assert reset(client, token).status_code == 410


@pytest.mark.parametrize("password", ["", "too short", "x" * 201, "Ada@example.com"])
def test_a_bad_password_is_said_and_the_link_lives_on(client: FlaskClient, user: User, password: str) -> None:
    token = make_reset_token(user)
    answer = reset(client, token, password)
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text
    assert reset(client, token).status_code == 303


def test_an_edited_link_is_none(client: FlaskClient, user: User) -> None:
    token = make_reset_token(user)
    edited = token[:-2] + ("a" if token[-2] != "a" else "b") + token[-1]  # the last one has bits that say nothing
    for wrong in ("x", edited, token + ".x", "."):
        assert client.get(f"/password/reset/{wrong}").status_code == 410


def test_a_form_without_token_is_refused(client: FlaskClient, user: User) -> None:
    answer = client.post(f"/password/reset/{make_reset_token(user)}", data={"password": NEW})
    assert answer.status_code == 400
