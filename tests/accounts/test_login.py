"""/login: email and password."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, LoginFailure
from portal.platform import clock
from tests.factories.accounts import csrf, make_user, sign_in

PASSWORD = "correct horse battery"


def log_in(client: FlaskClient, email: str, password: str = PASSWORD, **fields: str) -> Any:
    return client.post("/login", data={"email": email, "password": password, "csrf_token": csrf(client), **fields})


def test_the_page_has_a_form_with_a_token(client: FlaskClient) -> None:
    page = client.get("/login?next=/account/referrals")
    assert page.status_code == 200
    assert "<h1" in page.text
    assert 'name="csrf_token"' in page.text
    assert 'value="/account/referrals"' in page.text


def test_a_member_signs_in_and_reaches_the_hub(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    answer = log_in(client, " ADA@example.com ")
    assert (answer.status_code, answer.location) == (303, "/account/loyalty")
    assert client.get("/account/loyalty").status_code == 200


def test_sign_in_goes_on_to_a_page_of_this_site_only(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    assert log_in(client, "ada@example.com", next="/account/referrals?a=b").location == "/account/referrals?a=b"
    assert log_in(client, "ada@example.com", next="//evil.test").location == "/account/loyalty"
    assert "evil.test" not in client.get("/login?next=https://evil.test").text


def test_who_is_signed_in_goes_on(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get("/login").location == "/account/loyalty"
    assert client.get("/login?next=/account/preferences").location == "/account/preferences"
    assert client.get("/login?next=//evil.test").location == "/account/loyalty"


def test_unknown_people_wrong_passwords_and_disabled_users_look_alike(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    make_user(session, email="off@example.com", password=PASSWORD, disabled_at=clock.now())
    make_user(session, email="none@example.com")
    tries = [
        ("ada@example.com", "wrong password"),
        ("off@example.com", PASSWORD),
        ("none@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
    ]
    for email, password in tries:
        answer = log_in(client, email, password)
        assert answer.status_code == 422
        assert "do not belong together" in answer.text
        assert PASSWORD not in answer.text
    assert session.scalar(select(func.count()).select_from(AuthSession)) == 0


def test_a_failure_is_kept_and_success_forgets_it(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    log_in(client, "Ada@example.com", "wrong password")
    log_in(client, "other@example.com", "wrong password")
    assert set(session.scalars(select(LoginFailure.email))) == {"ada@example.com", "other@example.com"}
    log_in(client, "ada@example.com")
    assert set(session.scalars(select(LoginFailure.email))) == {"other@example.com"}


@pytest.mark.parametrize("missing", ["email", "password"])
def test_empty_fields_are_named(client: FlaskClient, missing: str) -> None:
    answer = log_in(client, **{"email": "ada@example.com", "password": PASSWORD, missing: ""})
    assert answer.status_code == 422
    assert f'id="{missing}-error"' in answer.text


def test_odd_input_is_refused_as_any_other(client: FlaskClient) -> None:
    assert log_in(client, "a\x00b@example.com").status_code == 422
    assert log_in(client, "no address").status_code == 422
    assert log_in(client, "ada@example.com", "x" * 2000).status_code == 422


def test_a_form_without_token_is_refused(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    answer = client.post("/login", data={"email": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 400
    assert session.scalar(select(func.count()).select_from(AuthSession)) == 0


def test_signing_in_ends_the_session_before_it_and_keeps_the_form_token(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    earlier = sign_in(client, make_user(session))
    with client.session_transaction() as cookie:
        cookie["planted"] = "by another"
    token = csrf(client)
    log_in(client, "ada@example.com")
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
    assert earlier.revoked_at is not None
    assert client.post("/logout", data={"csrf_token": token}).status_code == 303


def test_a_hash_with_old_parameters_is_renewed(client: FlaskClient, session: Session) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    user = make_user(session, email="ada@example.com")
    user.password_hash = old
    assert log_in(client, "ada@example.com").status_code == 303
    assert user.password_hash != old
    assert log_in(client, "ada@example.com").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_lasts(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password=PASSWORD)
    headers = log_in(client, "ada@example.com").headers.getlist("Set-Cookie")
    (header,) = [header for header in headers if header.startswith("session=")]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", "Expires="):
        assert attribute in header
    assert "Domain=" not in header


def test_the_sign_in_is_recorded_with_its_browser(client: FlaskClient, session: Session) -> None:
    user = make_user(session, email="ada@example.com", password=PASSWORD)
    client.post(
        "/login",
        data={"email": user.email, "password": PASSWORD, "csrf_token": csrf(client)},
        headers={"User-Agent": "x" * 1000},
    )
    row = session.scalars(select(AuthSession)).one()
    assert (row.user_id, row.address, len(row.user_agent)) == (user.id, "127.0.0.1", 300)
    assert (row.expires_at - row.created_at).days == 30


@pytest.mark.parametrize(
    "strange",
    ["https://[", "https://x//evil.test/a", "//evil.test", "https://evil.test/account/preferences", "\\\\evil"],
)
def test_a_strange_page_behind_a_request_leads_nowhere_else(client: FlaskClient, strange: str) -> None:
    answer = client.get("/account/loyalty", headers={"HX-Request": "true", "HX-Current-URL": strange})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login?next=%2Faccount%2Floyalty")
