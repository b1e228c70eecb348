"""The consoles from outside: strangers sign in, members find nothing, operators find all but what admins keep."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import make_user, sign_in

SHARED = [
    "/admin/",
    "/admin/members",
    "/admin/redemptions",
    "/admin/referrals",
    "/admin/programme/tiers",
    "/admin/programme/rewards",
    "/admin/messages",
    "/admin/messages/preview",
    "/admin/messages/suppressions",
    "/admin/analytics",
    "/admin/operations",
    "/admin/audit",
    "/admin/imports",
]
ADMINS = ["/admin/access", "/admin/access/tokens", "/admin/access/sign-ins", "/admin/programme/settings"]
NOWHERE = ["/admin/nothing", "/admin/members/nobody", "/admin/redemptions/x", "/admin/audit/999999999"]


@pytest.mark.parametrize("path", SHARED + ADMINS)
def test_strangers_are_sent_to_sign_in_and_come_back(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (302, 303)
    assert "/login" in answer.headers["Location"]
    assert "admin" in answer.headers["Location"], "and back"


@pytest.mark.parametrize("path", SHARED + ADMINS + NOWHERE)
def test_members_find_no_console(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session))
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("role", ["operator", "admin"])
@pytest.mark.parametrize("path", SHARED)
def test_operators_and_admins_see_the_consoles(client: FlaskClient, session: Session, role: str, path: str) -> None:
    sign_in(client, make_user(session, role=role))
    answer = client.get(path, follow_redirects=True)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")


@pytest.mark.parametrize("path", ADMINS)
def test_operators_are_told_what_admins_keep(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, role="operator"))
    answer = client.get(path)
    assert answer.status_code == 403
    assert "needs the role admin" in answer.text
    other = client.application.test_client()
    sign_in(other, make_user(session, role="admin"))
    assert other.get(path).status_code == 200


@pytest.mark.parametrize("path", NOWHERE)
def test_what_is_not_there_is_not_found(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, role="admin"))
    assert client.get(path).status_code == 404


def test_a_console_is_no_place_for_tokens(client: FlaskClient) -> None:
    answer = client.get("/admin/", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code in (302, 303, 401)
