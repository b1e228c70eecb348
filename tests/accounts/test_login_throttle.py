"""/login after wrong passwords: who guesses waits, the owner does not (CONTRACT-SHOP 9.1)."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts import sign_in
from portal.accounts.models import AccountNotice, AuthSession, LoginFailure
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.problems import RateLimited
from portal.platform.web.application import Portal
from tests import databases
from tests.accounts.test_login import PASSWORD, log_in
from tests.concurrency import at_once
from tests.factories.accounts import csrf, make_user

MOST = 5
ADA = "ada@example.com"
SERVED = threading.Semaphore(16)


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    """A clock that stands, so that a slow machine waits for no pause."""
    with time_machine.travel(clock.now(), tick=False):
        yield


@pytest.fixture
def email(session: Session) -> str:
    return make_user(session, email=ADA, password=PASSWORD).email


def fail(session: Session, times: int, **fields: object) -> None:
    values = {"email": ADA, "address": "10.0.0.1", "at": clock.now(), **fields}
    session.add_all(LoginFailure(**values) for _ in range(times))
    session.flush()


def log_in_from(client: FlaskClient, address: str, email: str, password: str = PASSWORD) -> Any:
    data = {"email": email, "password": password, "csrf_token": csrf(client)}
    return client.post("/login", data=data, environ_base={"REMOTE_ADDR": address})


def stranger(client: FlaskClient) -> FlaskClient:
    return client.application.test_client()


def test_who_fails_on_waits_one_second_then_two_and_at_most_thirty(client: FlaskClient, email: str) -> None:
    for _ in range(MOST):
        assert log_in(client, email, "wrong password").status_code == 422
    with time_machine.travel(clock.now(), tick=False) as traveller:
        log_in(client, email, "not looked at")
        waits = []
        for _ in range(8):
            answer = log_in(client, email)
            waits.append(int(answer.headers["Retry-After"]))
            assert answer.status_code == 429
            assert f"Try again in {waits[-1]} second" in answer.text
            assert "<form" in answer.text
            traveller.shift(waits[-1])
            assert log_in(client, email, "wrong password").status_code == 422
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_right_password_is_taken_after_the_wait(client: FlaskClient, email: str) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(MOST):
            log_in(client, email, "wrong password")
        assert log_in(client, email).status_code == 429
        traveller.shift(1)
        assert log_in(client, email).status_code == 303
        assert log_in(stranger(client), email, "wrong password").status_code == 422


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9"])
def test_a_strangers_wrong_passwords_do_not_keep_the_owner_out(client: FlaskClient, email: str, address: str) -> None:
    """From elsewhere, and behind the stranger's very address from a browser that signed in before."""
    assert log_in(client, email).status_code == 303
    for _ in range(MOST * 2):
        log_in_from(stranger(client), "127.0.0.1", email, "wrong password")
    assert log_in_from(stranger(client), "127.0.0.1", email).status_code == 429
    assert log_in_from(client, address, email).status_code == 303
    assert log_in_from(stranger(client), "10.0.0.9", email).status_code == 303


def test_the_owner_signs_in_although_hundreds_of_addresses_try(
    client: FlaskClient, session: Session, email: str
) -> None:
    for number in range(MOST * sign_in.CROWD):
        fail(session, 1, address=f"10.9.{number}.1")
    assert log_in_from(stranger(client), "10.0.0.9", email, "wrong password").status_code == 422
    assert log_in_from(stranger(client), "10.0.0.9", email).headers["Retry-After"] in ("1", "2")
    assert log_in_from(stranger(client), "10.0.0.8", email).status_code == 303


def test_a_device_that_signed_in_before_may_fail_longer_but_not_for_ever(client: FlaskClient, email: str) -> None:
    log_in(client, email)
    for _ in range(MOST * 2):
        assert log_in(client, email, "wrong password").status_code == 422
    assert log_in(client, email).status_code == 303
    for _ in range(MOST * sign_in.OWNERS_PATIENCE):
        assert log_in(client, email, "wrong password").status_code == 422
    assert log_in(client, email).status_code == 429


@pytest.mark.parametrize("forged", ["", "nonsense", "IngI.xyz", "another account's"])
def test_only_our_own_cookie_of_this_account_makes_a_device_known(
    client: FlaskClient, session: Session, email: str, forged: str
) -> None:
    if forged == "another account's":
        make_user(session, email="eve@example.com", password=PASSWORD)
        log_in(client, "eve@example.com")
    else:
        client.set_cookie("known-device", forged)
    fail(session, MOST, address="127.0.0.1")
    assert log_in(client, email).status_code == 429


def test_the_cookie_of_a_known_device_lasts_and_is_out_of_reach_of_scripts(client: FlaskClient, email: str) -> None:
    cookies = log_in(client, email).headers.getlist("Set-Cookie")
    (cookie,) = [cookie for cookie in cookies if cookie.startswith("known-device=")]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={400 * 86_400}"):
        assert attribute in cookie


@pytest.mark.parametrize("exists", [True, False])
def test_accounts_that_are_none_slow_down_too(client: FlaskClient, session: Session, exists: bool) -> None:
    if exists:
        make_user(session, email="nobody@example.com", password=PASSWORD)
    for _ in range(MOST):
        log_in(client, "nobody@example.com", "wrong password")
    assert log_in(client, "NOBODY@example.com", "wrong password").status_code == 429


def test_ten_of_ten_accounts_behind_one_address_keep_nobody_out(
    client: FlaskClient, session: Session, email: str
) -> None:
    for number in range(10):
        fail(session, MOST * 2, email=f"colleague{number}@example.com", address="127.0.0.1")
    assert log_in(client, email).status_code == 303


def test_an_address_is_held_up_after_failures_for_a_hundred_accounts(
    client: FlaskClient, session: Session, email: str
) -> None:
    for number in range(99):
        fail(session, 1, email=f"listed{number}@example.com", address="127.0.0.1")
    assert log_in(client, email).status_code == 303
    fail(session, 1, email="the-hundredth@example.com", address="127.0.0.1", at=clock.now() - timedelta(seconds=100))
    assert log_in(client, email).status_code == 303, "a device that signed in before is not held up"
    answer = log_in(stranger(client), email)
    assert answer.status_code == 429
    assert 795 <= int(answer.headers["Retry-After"]) <= 800
    assert log_in_from(stranger(client), "10.0.0.9", email).status_code == 303


def test_failures_leave_the_window(client: FlaskClient, session: Session, email: str) -> None:
    fail(session, MOST * 5, address="127.0.0.1", at=clock.now() - timedelta(seconds=901))
    for _ in range(MOST - 1):
        assert log_in(client, email, "wrong password").status_code == 422
    assert log_in(client, email).status_code == 303


def test_success_forgets_the_failures_from_its_own_place_alone(
    client: FlaskClient, session: Session, email: str
) -> None:
    fail(session, MOST)
    log_in(client, email, "wrong password")
    log_in(client, email)
    assert set(session.scalars(select(LoginFailure.address))) == {"10.0.0.1"}
    assert log_in_from(stranger(client), "10.0.0.1", email).status_code == 429


def test_the_owner_is_told_once_a_day_that_somebody_tries(client: FlaskClient, session: Session, email: str) -> None:
    told = select(func.count()).select_from(AccountNotice).where(AccountNotice.notice == "sign_in_attempts")
    for address in ("10.0.0.1", "10.0.0.2"):
        for _ in range(MOST + 1):
            log_in_from(stranger(client), address, email, "wrong password")
    assert session.scalar(told) == 1
    for _ in range(MOST + 1):
        log_in_from(stranger(client), "10.0.0.3", "nobody@example.com", "wrong password")
    assert session.scalar(told) == 1


@pytest.fixture
def wide_app(servers: databases.Servers, app: Portal) -> Any:
    """An application that looks at as many passwords at once as come, on a database where commits are real."""
    application = databases.make_app(servers, servers.create("race"), web_threads=256)
    with application.app_context(), unit_of_work() as session:
        make_user(session, email=ADA, password=PASSWORD)
    yield application
    with application.app_context():
        databases.dispose(application)
    servers.drop("race")


def post_login(application: Portal, password: str, address: str) -> int:
    """The answer's status; 16 are served at once, as by two processes of eight threads."""
    with SERVED:
        return log_in_from(application.test_client(), address, ADA, password).status_code


def test_of_racing_guesses_as_many_are_looked_at_as_of_guesses_in_a_row(wide_app: Portal) -> None:
    def guess(number: int) -> int:
        return post_login(wide_app, PASSWORD if number == 63 else f"wrong password {number}", "10.0.0.1")

    answers = Counter(at_once(wide_app, 64, guess))
    assert answers[422] + answers[429] + answers[303] == 64
    assert answers[303] <= 1
    assert MOST <= answers[422] <= (2 * MOST - 1 if answers[303] else MOST), "who gets in forgets what was before"
    with wide_app.app_context(), unit_of_work() as session:
        kept = session.scalar(select(func.count()).select_from(LoginFailure))
        assert kept == answers[422] or answers[303]


def test_racing_sign_ins_of_one_account_all_succeed_beside_wrong_ones_from_elsewhere(wide_app: Portal) -> None:
    def come(number: int) -> int:
        right = number % 2 == 0
        return post_login(wide_app, PASSWORD if right else "wrong password", "10.0.0.1" if right else "10.0.0.2")

    answers = Counter(at_once(wide_app, 64, come))
    assert answers == {303: 32, 422: MOST, 429: 32 - MOST}
    with wide_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(AuthSession)) == 32
        assert set(session.scalars(select(LoginFailure.address))) == {"10.0.0.2"}


def test_a_process_looks_at_so_many_passwords_at_once_and_has_threads_left() -> None:
    gate = sign_in._Gate()
    with gate.enter(2), gate.enter(2), pytest.raises(RateLimited), gate.enter(2):
        pass
    with gate.enter(1):
        pass


def test_a_process_of_few_threads_refuses_rather_than_lets_all_wait(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_user(session, email=ADA, password=PASSWORD)
    answers = Counter(
        at_once(committed_app, 64, lambda number: post_login(committed_app, f"wrong {number}", f"10.0.1.{number}"))
    )
    assert set(answers) <= {422, 429}
    assert answers[422] >= 6
