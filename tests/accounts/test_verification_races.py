"""Registrations, links and those who vouch, many at once on real connections."""

import threading
import time
from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from portal.accounts.models import AuthSession, Registration, User
from portal.accounts.passwords import make_reset_token
from portal.accounts.preferences import get_consent
from portal.accounts.reset import set_password
from portal.accounts.verification import Opener, confirm, find_link
from portal.notifications.unsubscribe import make_token as unsubscribe_token
from portal.platform.db import unit_of_work
from portal.platform.problems import InvalidInput
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, link_mailed_to, make_token, make_user

EMAIL = "ada@example.com"


def register(client: FlaskClient, password: str = "correct horse battery") -> int:
    form = {"name": "Ada", "email": EMAIL, "password": password, "csrf_token": csrf(client)}
    return client.post("/register", data=form).status_code


def mailed(app: Portal) -> str:
    with app.app_context(), unit_of_work() as session:
        return link_mailed_to(session, EMAIL)


def token_of(path: str) -> str:
    return path.rpartition("/")[2]


def follow(client: FlaskClient, path: str) -> int:
    return client.post(path, data={"csrf_token": csrf(client)}).status_code


def count(app: Portal, model: type[Any], *where: Any) -> int:
    with app.app_context(), unit_of_work() as session:
        return int(session.scalar(select(func.count()).select_from(model).where(*where)) or 0)


def test_of_sixteen_registrations_of_one_address_one_makes_the_account(committed_app: Portal) -> None:
    """All are answered alike, and no more mails leave than a day may have."""
    answers = at_once(committed_app, 16, lambda n: register(committed_app.test_client(), f"the password of {n}"))
    assert Counter(answers) == {303: 16}
    assert (count(committed_app, User), count(committed_app, Registration)) == (1, 5)


def test_a_link_opened_24_times_at_once_signs_in_once(committed_app: Portal) -> None:
    register(committed_app.test_client())
    path = mailed(committed_app)
    answers = at_once(committed_app, 24, lambda _: follow(committed_app.test_client(), path))
    assert Counter(answers) == {303: 1, 410: 23}
    assert count(committed_app, AuthSession) == 1


def test_two_links_of_one_address_opened_at_once_sign_in_once(committed_app: Portal) -> None:
    paths = []
    for password in ("the password of one", "the password of two"):
        register(committed_app.test_client(), password)
        paths.append(mailed(committed_app))
    answers = at_once(committed_app, 8, lambda n: follow(committed_app.test_client(), paths[n % 2]))
    assert Counter(answers) == {303: 1, 410: 7}


@pytest.mark.parametrize("again", [False, True])
def test_a_link_waits_for_another_of_its_address_and_holds_nothing_that_it_needs(
    committed_app: Portal, again: bool
) -> None:
    """One has found its link and waits a moment; the other, that comes then, must not hold its own registration."""
    register(committed_app.test_client())
    first = token_of(mailed(committed_app))
    register(committed_app.test_client(), "the password of two")
    second = first if again else token_of(mailed(committed_app))
    both = threading.Barrier(2)

    def open_(number: int) -> bool:
        with unit_of_work() as session:
            if number == 0:
                assert find_link(session, first, Opener(), lock=True)
                both.wait()
                time.sleep(0.5)
                return confirm(session, first, Opener()) is not None
            both.wait()
            return confirm(session, second, Opener()) is not None

    assert at_once(committed_app, 2, open_) == [True, False]


def test_a_password_is_looked_at_before_anybody_is_locked(committed_app: Portal) -> None:
    """Somebody else holds the user for as long as it takes: what cannot be accepted is said all the same."""
    register(committed_app.test_client())
    link = token_of(mailed(committed_app))
    with committed_app.app_context(), unit_of_work() as session:
        user = session.scalars(select(User).with_for_update()).one()
        reset_link = make_reset_token(user)

        def choose(number: int) -> None:
            with unit_of_work() as other:
                other.execute(text("SET LOCAL lock_timeout = '500ms'"))
                with pytest.raises(InvalidInput):
                    confirm(other, link, Opener(), "short") if number else set_password(other, reset_link, 60, "short")

        at_once(committed_app, 2, choose)


@pytest.mark.parametrize("round_", range(6))
def test_the_shops_put_and_the_link_at_the_same_moment_leave_the_address_with_one(
    committed_app: Portal, round_: int
) -> None:
    register(committed_app.test_client())
    path = mailed(committed_app)
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")

    def act(number: int) -> int:
        client = committed_app.test_client()
        if number % 2:
            return follow(client, path)
        body = {"email": EMAIL, "name": "Ada"}
        return client.put("/api/v1/users/shop:1", json=body, headers=bearer(token)).status_code

    put, link = at_once(committed_app, 2, act)
    assert (put, link) in ((201, 410), (409, 303))
    assert count(committed_app, User, User.email == EMAIL, User.email_verified_at.is_not(None)) == 1
    live = count(committed_app, AuthSession, AuthSession.revoked_at.is_(None))
    assert live == (1 if link == 303 else 0)


@pytest.mark.parametrize("round_", range(4))
def test_a_withdrawal_and_a_sync_at_the_same_moment_leave_consent_withdrawn(committed_app: Portal, round_: int) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        make_user(session, id="ada", email=EMAIL)
        path = f"/unsubscribe/{unsubscribe_token('user', 'ada')}"

    def act(number: int) -> int:
        client = committed_app.test_client()
        if number == 0:
            return client.post(path).status_code
        body = {"email": EMAIL, "name": "Ada", "marketingMessages": True}
        return client.put("/api/v1/users/ada", json=body, headers=bearer(token)).status_code

    assert set(at_once(committed_app, 4, act)) == {200}
    with committed_app.app_context(), unit_of_work() as session:
        assert get_consent(session, "ada") is False
