"""Bearer tokens at the door."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import tokens
from portal.accounts.models import ApiToken
from portal.platform import clock
from portal.platform.audit import Act
from tests.factories.accounts import bearer, make_token, make_user, sign_in

TIERS, LEDGER = "/api/v1/loyalty/tiers", "/api/v1/loyalty/ledger"


def test_a_live_token_opens_what_its_scope_opens(client: FlaskClient, session: Session) -> None:
    secret = make_token(session, "member", expires_at=clock.now() + timedelta(minutes=1))
    assert client.get(TIERS, headers=bearer(secret)).status_code == 200
    assert client.get(TIERS, headers={"Authorization": f"bearer  {secret} "}).status_code == 200


def test_expired_and_revoked_tokens_open_nothing(client: FlaskClient, session: Session) -> None:
    past = clock.now() - timedelta(seconds=1)
    for secret in (
        make_token(session, "admin", expires_at=past),
        make_token(session, "admin", revoked_at=past),
    ):
        answer = client.get(TIERS, headers=bearer(secret))
        assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_revoking_works_at_the_next_request(client: FlaskClient, session: Session) -> None:
    token, secret = tokens.create_token(session, Act("test", clock.now()), name="shop", scopes=["member"])
    assert client.get(TIERS, headers=bearer(secret)).status_code == 200
    tokens.revoke_token(session, token.id, Act("test", clock.now()))
    assert client.get(TIERS, headers=bearer(secret)).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x y", "Basic YTpi", "lp_x", "Bearer é", "Token \x80"])
def test_other_credentials_are_refused_even_with_a_session(client: FlaskClient, session: Session, header: str) -> None:
    sign_in(client, make_user(session))
    answer = client.get(TIERS, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


def test_a_service_names_whom_it_acts_for(client: FlaskClient, session: Session) -> None:
    secret, user = make_token(session, "member"), make_user(session)
    assert client.get(LEDGER, headers=bearer(secret, user.id)).status_code == 200
    missing = client.get(LEDGER, headers=bearer(secret))
    assert (missing.status_code, missing.get_json()["code"]) == (400, "user_required")
    for unknown in ("nobody", "no body", "x" * 65):
        answer = client.get(LEDGER, headers=bearer(secret, unknown))
        assert (answer.status_code, answer.get_json()["code"]) == (404, "user_not_found")


def test_a_session_cannot_name_another_user(client: FlaskClient, session: Session) -> None:
    user, other = make_user(session), make_user(session)
    sign_in(client, user)
    own = f"/api/v1/loyalty/members/{user.id}"
    assert client.get(own, headers={"X-User-Id": other.id}).get_json()["userId"] == user.id
    assert client.get(f"/api/v1/loyalty/members/{other.id}", headers={"X-User-Id": other.id}).status_code == 404


def test_use_is_noted_once_a_minute(client: FlaskClient, session: Session) -> None:
    earlier = clock.now() - timedelta(minutes=2)
    secret = make_token(session, "member", last_used_at=earlier)
    row = session.scalars(select(ApiToken)).one()
    client.get(TIERS, headers=bearer(secret))
    first = row.last_used_at
    assert first is not None
    assert first > earlier
    client.get(TIERS, headers=bearer(secret))
    assert row.last_used_at == first
