"""Names as accounts keep them: without what nobody sees, whichever way they come (S20)."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from tests.accounts.test_console import form
from tests.accounts.test_register import register
from tests.factories.accounts import bearer, make_token, make_user, sign_in

TRICKS = [
    "Ada\u202e Lovelace",
    "\u200bAda Lovelace\ufeff",
    "Ada\u2066 Lo\u00advelace\u2069",
    "A\u200dda \u3164Lovelace",
]
NOTHING = ["\u200b", "\u3164 \u200b", "\u202e\u202c", "\ufeff"]


def put(client: FlaskClient, session: Session, name: str) -> int:
    headers = bearer(make_token(session, "admin"))
    body = {"email": "ada@example.com", "name": name}
    return client.put("/api/v1/users/ada", json=body, headers=headers).status_code


def kept(session: Session) -> str:
    return session.scalars(select(User.name).where(User.email == "ada@example.com")).one()


@pytest.mark.parametrize("name", TRICKS)
def test_what_nobody_sees_is_left_out_whichever_way_a_name_comes(
    client: FlaskClient, session: Session, name: str
) -> None:
    register(client, name=name)
    assert kept(session) == "Ada Lovelace"
    session.delete(session.scalars(select(User)).one())
    for status in (201, 200):
        assert put(client, session, name) == status
        assert kept(session) == "Ada Lovelace"
    session.delete(session.get_one(User, "ada"))
    session.flush()
    client.application.test_cli_runner().invoke(
        args=["users", "create", "--email", "ada@example.com", "--name", name, "--user-id", "ada"]
    )
    assert kept(session) == "Ada Lovelace"
    session.delete(session.get_one(User, "ada"))
    sign_in(client, make_user(session, role="admin"))
    client.post("/admin/access/staff/new", data=form(client, email="ada@example.com", name=name, role="operator"))
    assert kept(session) == "Ada Lovelace"


@pytest.mark.parametrize("name", NOTHING)
def test_a_name_of_which_nothing_is_seen_is_none(client: FlaskClient, session: Session, name: str) -> None:
    assert register(client, name=name).status_code == 422
    assert put(client, session, name) == 422
    make_user(session, id="ada", name="Ada")
    assert put(client, session, name) == 422
