"""Sessions: which pages they open, and what ends them."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import access, sessions
from portal.accounts.models import AuthSession
from portal.platform import clock
from portal.platform.audit import Act
from tests import databases
from tests.factories.accounts import make_user, sign_in

HUB = "/account/loyalty"


def test_a_live_session_opens_pages(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get(HUB).status_code == 200


def test_a_page_does_not_send_the_cookie_again(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    client.get(HUB)
    assert "Set-Cookie" not in client.get(HUB).headers


def test_without_one_people_sign_in_first_and_come_back(client: FlaskClient) -> None:
    answer = client.get(f"{HUB}?a=b")
    assert (answer.status_code, answer.location) == (303, "/login?next=%2Faccount%2Floyalty%3Fa%3Db")


def test_an_expired_session_opens_nothing(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session), expires_at=clock.now() - timedelta(seconds=1))
    assert client.get(HUB).status_code == 303
    assert client.get("/api/v1/loyalty/ledger").status_code == 401


def test_a_revoked_session_opens_nothing(client: FlaskClient, session: Session) -> None:
    row = sign_in(client, make_user(session))
    assert sessions.end_session(session, row.id)
    assert not sessions.end_session(session, row.id)
    assert client.get(HUB).status_code == 303


def test_a_disabled_user_is_out_at_the_next_request(client: FlaskClient, session: Session) -> None:
    user = make_user(session)
    row = sign_in(client, user)
    access.disable_user(session, user.id, Act("user:admin", clock.now()))
    assert client.get(HUB).status_code == 303
    access.enable_user(session, user.id, Act("user:admin", clock.now()))
    assert row.revoked_at is not None
    assert client.get(HUB).status_code == 303


def test_a_higher_role_holds_from_the_next_request(client: FlaskClient, session: Session) -> None:
    user = make_user(session, role="operator")
    sign_in(client, user)
    assert client.get("/admin/access").status_code == 403
    access.set_role(session, user.id, "admin", Act("user:admin", clock.now()))
    assert client.get("/admin/access").status_code == 200


@pytest.mark.parametrize("named", ["01M7YT1Z24TBF89PNXSWKH3P9Z", "nonsense", ""])
def test_a_session_that_never_was_opens_nothing(client: FlaskClient, named: str) -> None:
    with client.session_transaction() as cookie:
        cookie["_user_id"] = named
    assert client.get(HUB).status_code == 303


def test_an_edited_cookie_opens_nothing(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    cookie = client.get_cookie("session")
    assert cookie is not None
    client.set_cookie("session", cookie.value[:-2] + "xx")
    assert client.get(HUB).status_code == 303


def test_htmx_is_told_to_go_to_the_sign_in_page_and_back_to_its_page(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/account/loyalty?a=b"}
    for method, path in (("GET", "/app/api/loyalty/timeline"), ("POST", f"{HUB}/redemptions/x/cancel")):
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/login?next=%2Faccount%2Floyalty%3Fa%3Db"
        assert answer.text == ""


def test_seen_is_noted_once_a_minute(client: FlaskClient, session: Session) -> None:
    earlier = clock.now() - timedelta(minutes=2)
    row = sign_in(client, make_user(session), last_seen_at=earlier)
    client.get(HUB)
    first = row.last_seen_at
    client.get(HUB)
    assert first > earlier
    assert row.last_seen_at == first


def test_a_users_live_sessions_are_ended_together(session: Session) -> None:
    user, other = make_user(session), make_user(session)
    for person in (user, user, other):
        sessions.open_session(session, person, days=1, user_agent="tests", address="127.0.0.1")
    live = select(AuthSession.user_id).where(AuthSession.revoked_at.is_(None))
    assert sessions.end_sessions_of(session, user.id) == 2
    assert session.scalars(live).all() == [other.id]
    assert sessions.end_sessions_of(session, user.id) == 0


def test_in_production_the_cookie_is_bound_to_the_host(servers: databases.Servers) -> None:
    application = databases.make_app(servers, servers.url(servers.name("main")), portal_env="production")
    header = application.test_client().get("/login", base_url="https://shop.test").headers["Set-Cookie"]
    assert header.startswith("__Host-session=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in header
