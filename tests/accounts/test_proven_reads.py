"""Hot reads check the bearer token in their own statement, and a revoked one opens nothing all the same."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts.models import ApiToken
from portal.platform import clock
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member
from tests.statements import counted

API = "/api/v1/loyalty"
PROVING = ["ledger", "ledger?types=order", "redemptions", "members/ada", "next-actions"]
ANYTHING = [*PROVING, "ledger?cursor=x", "ledger?limit=0", "ledger?types=x", "redemptions?cursor=x", "members/olu"]


@pytest.fixture
def secret(session: Session) -> str:
    """A token of scope `member` that this process has just let in for Ada, who has a history."""
    make_member(session, make_user(session, id="ada"), points=50)
    return make_token(session, "member")


def end(session: Session) -> None:
    session.execute(update(ApiToken).values(revoked_at=clock.now()))


@pytest.mark.parametrize("path", PROVING)
def test_a_known_token_costs_no_statement(client: FlaskClient, session: Session, secret: str, path: str) -> None:
    client.get(f"{API}/{path}", headers=bearer(secret, "ada"))
    with counted(session) as sent:
        assert client.get(f"{API}/{path}", headers=bearer(secret, "ada")).status_code == 200
    assert len(sent) == 1, sent


@pytest.mark.parametrize("path", ANYTHING)
def test_a_revoked_token_gets_401_whatever_the_answer_would_be(
    client: FlaskClient, session: Session, secret: str, path: str
) -> None:
    client.get(f"{API}/ledger", headers=bearer(secret, "ada"))
    end(session)
    for headers in (bearer(secret, "ada"), bearer(secret, "nobody"), bearer(secret, "no body"), bearer(secret)):
        answer = client.get(f"{API}/{path}", headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_revoked_token_is_told_so_where_its_scope_would_not_do(client: FlaskClient, session: Session) -> None:
    secret = make_token(session, "checkout")
    assert client.get(f"{API}/ledger", headers=bearer(secret, "ada")).status_code == 403
    end(session)
    assert client.get(f"{API}/ledger", headers=bearer(secret, "ada")).status_code == 401


def test_a_token_expires_between_two_reads(client: FlaskClient, session: Session, secret: str) -> None:
    now = clock.now()
    session.execute(update(ApiToken).values(expires_at=now + timedelta(seconds=20)))
    with clock.at(now):
        assert client.get(f"{API}/ledger", headers=bearer(secret, "ada")).status_code == 200
    with clock.at(now + timedelta(seconds=21)):
        assert client.get(f"{API}/ledger", headers=bearer(secret, "ada")).status_code == 401


def test_use_is_noted_once_a_minute(client: FlaskClient, session: Session, secret: str) -> None:
    token, now = session.scalars(select(ApiToken)).one(), clock.now()
    noted = set()
    for seconds in (0, 30, 59, 61, 100):
        with clock.at(now + timedelta(seconds=seconds)):
            client.get(f"{API}/ledger", headers=bearer(secret, "ada"))
        session.refresh(token)
        noted.add(token.last_used_at)
    assert noted == {now, now + timedelta(seconds=61)}
