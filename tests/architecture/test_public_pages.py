"""Who only looks gets no session: pages that need none set no session cookie, whoever built them."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.web.guards import Access
from portal.platform.web.application import Portal
from tests.architecture.test_permissions import line, path, routes
from tests.factories.accounts import make_user, sign_in

# Their form cannot be sent without one.
WITH_FORM = {"/login", "/logout", "/password/forgot", "/register", "/register/again"}


def session_cookies(client: FlaskClient, address: str) -> list[str]:
    """The names of the session cookies that the answer to a stranger sets."""
    answer = client.get(address)
    assert answer.status_code < 500, address
    names = [value.partition("=")[0] for value in answer.headers.getlist("Set-Cookie")]
    return [name for name in names if re.fullmatch(r"(__Host-)?(session|remember_token)", name)]


def public_addresses(app: Portal) -> list[str]:
    """An address of every route that answers a stranger's GET itself."""
    public = f" GET {Access.PUBLIC.name}"
    return sorted({path(rule) for rule, method in routes(app) if line(app, rule, method).endswith(public)})


def test_no_public_page_without_a_form_sets_a_session_cookie(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    addresses = public_addresses(app)
    assert "/api/docs" in addresses
    found = {address for address in addresses if session_cookies(app.test_client(), address)}
    assert found <= WITH_FORM


def test_no_refusal_sets_one_either(app: Portal, session: Session) -> None:
    every = sorted({path(rule) for rule, method in routes(app) if method == "GET"})
    refused = [*(set(every) - set(public_addresses(app))), "/no-such-page", "/static/no-such-file", "/api/v1/nothing"]
    assert {address for address in refused if session_cookies(app.test_client(), address)} == set()


@pytest.mark.parametrize("address", sorted(WITH_FORM))
def test_a_form_that_asks_for_a_session_gets_one(app: Portal, session: Session, address: str) -> None:
    page = app.test_client().get(address)
    assert ("csrf_token" in page.text) is bool(session_cookies(app.test_client(), address))


def test_scripts_of_members_find_their_token(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert 'name="csrf-token"' in client.get("/account/preferences").text
