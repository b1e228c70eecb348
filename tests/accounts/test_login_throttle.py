"""/login after too many failures: a pause by account and by address."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import LoginFailure
from portal.core import clock
from portal.core.db import unit_of_work
from portal.core.edge import Portal
from tests.accounts.test_login import PASSWORD, log_in
from tests.concurrency import at_once
from tests.factories.accounts import csrf, make_user

MOST = 5


@pytest.fixture
def email(session: Session) -> str:
    return make_user(session, email="ada@example.com", password=PASSWORD).email


def fail(session: Session, times: int, **fields: object) -> None:
    values = {"email": "ada@example.com", "address": "10.0.0.1", "at": clock.now(), **fields}
    session.add_all(LoginFailure(**values) for _ in range(times))
    session.flush()


def test_an_account_pauses_after_its_failures(client: FlaskClient, email: str) -> None:
    for _ in range(MOST):
        assert log_in(client, email, "wrong password").status_code == 422
    answer = log_in(client, email)
    assert answer.status_code == 429
    assert 890 <= int(answer.headers["Retry-After"]) <= 900
    assert "Too many attempts" in answer.text
    assert "<form" in answer.text


def test_the_pause_ends_when_failures_leave_the_window(client: FlaskClient, email: str) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(MOST):
            log_in(client, email, "wrong password")
            traveller.shift(60)
        answer = log_in(client, email)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(900 - MOST * 60))
        traveller.shift(900 - MOST * 60 + 1)
        assert log_in(client, email).status_code == 303


def test_unknown_accounts_pause_too(client: FlaskClient) -> None:
    for _ in range(MOST):
        log_in(client, "nobody@example.com")
    assert log_in(client, "NOBODY@example.com").status_code == 429


def test_an_address_pauses_whatever_accounts_it_tries(client: FlaskClient, session: Session, email: str) -> None:
    for number in range(MOST):
        log_in(client, f"other{number}@example.com")
    assert log_in(client, email).status_code == 429


def test_failures_from_elsewhere_count_for_the_account_alone(
    client: FlaskClient, session: Session, email: str
) -> None:  # fmt: skip
    fail(session, MOST)
    make_user(session, email="grace@example.com", password=PASSWORD)
    assert log_in(client, email).status_code == 429
    assert log_in(client, "grace@example.com").status_code == 303


def test_one_failure_fewer_does_not_pause(client: FlaskClient, session: Session, email: str) -> None:
    fail(session, MOST - 1)
    fail(session, MOST, at=clock.now() - timedelta(seconds=901))
    assert log_in(client, email).status_code == 303


def test_parallel_guesses_are_counted_too(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_user(session, email="ada@example.com", password=PASSWORD)

    def guess(number: int) -> int:
        client = committed_app.test_client()
        data = {"email": "ada@example.com", "password": f"wrong password {number}", "csrf_token": csrf(client)}
        return client.post("/login", data=data, environ_base={"REMOTE_ADDR": f"10.0.0.{number}"}).status_code

    assert Counter(at_once(committed_app, 12, guess)) == {422: MOST, 429: 12 - MOST}
