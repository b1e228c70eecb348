"""/register/confirm/{token}: who opens the mailed link has the address, and is in (CONTRACT-SHOP 9.1)."""

from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, User
from portal.accounts.passwords import make_reset_token
from portal.accounts.preferences import get_consent
from portal.notifications.models import Message
from portal.platform import clock
from portal.platform.outbox import deliver
from portal.platform.web.application import Portal
from tests.accounts.test_login import log_in
from tests.factories.accounts import csrf, follow_link, link_mailed_to, make_user, sign_in

MINE, THEIRS = "correct horse battery", "a stranger's password"
EMAIL = "ada@example.com"


def register(client: FlaskClient, password: str = MINE, **fields: str) -> Any:
    form = {"name": "Ada", "email": EMAIL, "password": password, "csrf_token": csrf(client), **fields}
    assert client.post("/register", data=form).status_code == 303


def user_of(session: Session) -> User:
    return session.scalars(select(User).where(User.email == EMAIL)).one()


def may_sign_in(app: Portal, password: str) -> bool:
    return log_in(app.test_client(), EMAIL, password).status_code == 303


def test_the_mailed_link_verifies_and_signs_in(client: FlaskClient, session: Session) -> None:
    register(client)
    deliver()
    body = session.scalar(select(Message.body_text).where(Message.kind == "verify_address")) or ""
    path = link_mailed_to(session, EMAIL)
    assert f"http://localhost{path}" in body
    assert client.get(path).status_code == 200
    answer = client.post(path, data={"csrf_token": csrf(client)})
    assert (answer.status_code, answer.location) == (303, "/account/loyalty")
    assert user_of(session).email_verified_at is not None
    page = client.get("/account/loyalty").text
    assert "Your address is confirmed" in page
    assert "confirm-address" not in page


def test_the_chosen_password_holds_where_it_was_chosen(app: Portal, client: FlaskClient, session: Session) -> None:
    register(client)
    assert 'name="password"' not in client.get(link_mailed_to(session, EMAIL)).text
    follow_link(client, session, EMAIL)
    assert may_sign_in(app, MINE)


def test_it_goes_on_to_the_page_they_were_on_their_way_to(client: FlaskClient, session: Session) -> None:
    register(client, next="/account/referrals")
    assert follow_link(client, session, EMAIL).location == "/account/referrals"


def test_a_scanner_that_only_loads_the_link_uses_nothing_up(client: FlaskClient, session: Session) -> None:
    register(client)
    path = link_mailed_to(session, EMAIL)
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        assert client.open(path, method=method).status_code == 200
    assert user_of(session).email_verified_at is None
    assert client.post(path).status_code == 400
    assert follow_link(client, session, EMAIL).status_code == 303


def test_a_link_works_once(client: FlaskClient, session: Session) -> None:
    register(client)
    follow_link(client, session, EMAIL)
    path = link_mailed_to(session, EMAIL)
    again = client.post(path, data={"csrf_token": csrf(client)})
    assert (again.status_code, client.get(path).status_code) == (410, 410)
    assert 'href="/register/again"' in again.text
    assert 'href="/login"' in again.text
    live = select(AuthSession).where(AuthSession.revoked_at.is_(None))
    assert len(session.scalars(live).all()) == 1


def test_a_late_link_does_not_work(client: FlaskClient, session: Session) -> None:
    register(client)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        traveller.shift(47 * 3600)
        assert client.get(link_mailed_to(session, EMAIL)).status_code == 200
        traveller.shift(2 * 3600)
        assert follow_link(client, session, EMAIL).status_code == 410
    assert user_of(session).email_verified_at is None


def test_an_edited_link_is_none(client: FlaskClient, session: Session) -> None:
    register(client)
    path = link_mailed_to(session, EMAIL)
    edited = path[:-5] + ("a" if path[-5] != "a" else "b") + path[-4:]
    for wrong in ("/register/confirm/x", edited, f"{path}.x", f"{path[:-9]}."):
        assert client.get(wrong).status_code == 410
        assert client.post(wrong, data={"csrf_token": csrf(client)}).status_code == 410


@pytest.mark.parametrize("change", ["disabled", "given away", "verified", "staff"])
def test_a_link_dies_with_what_it_was_made_for(client: FlaskClient, session: Session, change: str) -> None:
    register(client)
    path, user = link_mailed_to(session, EMAIL), user_of(session)
    if change == "disabled":
        user.disabled_at = clock.now()
    elif change == "verified":
        user.email_verified_at = clock.now()
    elif change == "staff":
        user.role = "admin"
    else:
        user.email = user.email_normalized = None
    assert client.post(path, data={"csrf_token": csrf(client)}).status_code == 410
    assert session.scalar(select(AuthSession.id)) is None


def test_a_stranger_who_registered_the_address_first_is_out_once_its_owner_verifies(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    stranger = app.test_client()
    register(stranger, THEIRS, marketing_messages="y")
    log_in(stranger, EMAIL, THEIRS)
    assert stranger.get("/account/loyalty").status_code == 200
    register(client, MINE, name="Ada Lovelace")
    assert not may_sign_in(app, MINE)
    follow_link(client, session, EMAIL)
    assert stranger.get("/account/loyalty").status_code == 303
    assert not may_sign_in(app, THEIRS)
    assert may_sign_in(app, MINE)
    assert user_of(session).name == "Ada Lovelace"
    assert not get_consent(session, user_of(session).id)


@pytest.mark.parametrize("stranger_first", [True, False])
def test_whichever_link_its_owner_opens_the_strangers_password_does_not_hold(
    app: Portal, client: FlaskClient, session: Session, stranger_first: bool
) -> None:
    """The newest mail, or the oldest, may be what a stranger asked for."""
    people = [(app.test_client(), THEIRS), (client, MINE)]
    links = {}
    for browser, password in people if stranger_first else reversed(people):
        register(browser, password)
        links[password] = link_mailed_to(session, EMAIL)
    path = links[THEIRS]
    client.post(path, data={"csrf_token": csrf(client)})
    assert (may_sign_in(app, MINE), may_sign_in(app, THEIRS)) == (True, False)


def test_an_owner_who_never_registered_does_not_let_the_stranger_in(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    stranger = app.test_client()
    register(stranger, THEIRS)
    log_in(stranger, EMAIL, THEIRS)
    assert 'name="password"' in client.get(link_mailed_to(session, EMAIL)).text
    assert follow_link(client, session, EMAIL).status_code == 303
    assert "choose one by" in client.get("/account/loyalty").text
    assert stranger.get("/account/loyalty").status_code == 303
    assert not may_sign_in(app, THEIRS)


def test_on_another_device_the_password_is_typed_again(app: Portal, client: FlaskClient, session: Session) -> None:
    register(app.test_client())
    refused = follow_link(client, session, EMAIL, password="short")
    assert refused.status_code == 422
    assert 'id="password-error"' in refused.text
    assert follow_link(client, session, EMAIL, password="another long password").status_code == 303
    assert (may_sign_in(app, "another long password"), may_sign_in(app, MINE)) == (True, False)


def test_an_unverified_member_signs_in_and_is_asked_to_confirm(client: FlaskClient, session: Session) -> None:
    register(client)
    log_in(client, EMAIL, MINE)
    for page in ("/account/loyalty", "/account/referrals", "/account/preferences"):
        assert 'data-testid="confirm-address"' in client.get(page).text
    answer = client.post("/account/address/confirm", data={"csrf_token": csrf(client)})
    assert answer.location == "/account/loyalty"
    assert "A link is on its way to ada@example.com" in client.get("/account/loyalty").text
    for _ in range(5):
        client.post("/account/address/confirm", data={"csrf_token": csrf(client)})
    assert "You have asked for several links today" in client.get("/account/loyalty").text
    deliver()
    assert len(session.scalars(select(Message.id)).all()) == 5


def test_a_link_asked_for_while_signed_in_keeps_the_password(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    register(app.test_client())
    log_in(client, EMAIL, MINE)
    client.post("/account/address/confirm", data={"csrf_token": csrf(client)})
    follow_link(client, session, EMAIL)
    assert may_sign_in(app, MINE)


def test_a_link_that_anybody_asked_for_does_not_keep_it(app: Portal, client: FlaskClient, session: Session) -> None:
    register(app.test_client(), THEIRS)
    client.post("/register/again", data={"email": EMAIL, "csrf_token": csrf(client)})
    follow_link(client, session, EMAIL)
    assert not may_sign_in(app, THEIRS)


def test_a_user_whose_address_was_taken_over_finds_no_way_to_confirm_one(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, email=None))
    page = client.get("/account/loyalty").text
    assert "Your account has no email address any more" in page
    assert client.post("/account/address/confirm", data={"csrf_token": csrf(client)}).status_code == 303
    assert client.get("/account/preferences").status_code == 200


def test_a_reset_link_verifies_too_and_brings_nothing_that_was_ticked(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    register(app.test_client(), THEIRS, marketing_messages="y")
    path = f"/password/reset/{make_reset_token(user_of(session))}"
    client.post(path, data={"password": MINE, "csrf_token": csrf(client)})
    user = user_of(session)
    assert user.email_verified_at is not None
    assert (may_sign_in(app, MINE), may_sign_in(app, THEIRS)) == (True, False)
    assert not get_consent(session, user.id)
    assert follow_link(client, session, EMAIL).status_code == 410


def test_what_was_ticked_takes_effect_with_the_link(client: FlaskClient, session: Session) -> None:
    register(client, marketing_messages="y")
    user_id = user_of(session).id
    assert not get_consent(session, user_id)
    follow_link(client, session, EMAIL)
    assert get_consent(session, user_id)
