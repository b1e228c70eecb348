"""Somebody registers an address that is not theirs, signs in and sets the account up; then its owner comes.

Nothing that the stranger chose holds from then on: no device, number, consent or mark of theirs (CONTRACT-SHOP 9.1).
"""

from collections.abc import Callable
from datetime import time

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import ConsentChange, KnownDevice, NotificationPreferences, User
from portal.accounts.passwords import make_reset_token
from portal.accounts.preferences import (
    Origin,
    Preferences,
    change_consent,
    get_consent,
    get_preferences,
    put_birthday,
    put_contact,
    put_preferences,
    put_push_token,
    start_push,
)
from portal.platform.web.application import Portal
from tests.accounts.test_login import log_in
from tests.accounts.test_verify_address import EMAIL, MINE, THEIRS, register, user_of
from tests.factories.accounts import bearer, csrf, follow_link, make_token, make_user

Show = Callable[[FlaskClient, Session], None]


def in_another_browser(client: FlaskClient, session: Session) -> None:
    follow_link(client, session, EMAIL, password=MINE)


def having_registered_too(client: FlaskClient, session: Session) -> None:
    register(client, MINE)
    follow_link(client, session, EMAIL)


def by_a_reset_link(client: FlaskClient, session: Session) -> None:
    path = f"/password/reset/{make_reset_token(user_of(session))}"
    client.post(path, data={"password": MINE, "csrf_token": csrf(client)})


def settle(session: Session, stranger: FlaskClient) -> User:
    """What a stranger can do in an account whose address nobody has shown to be theirs."""
    register(stranger, THEIRS, marketing_messages="y")
    assert log_in(stranger, EMAIL, THEIRS).status_code == 303
    user = user_of(session)
    wanted = Preferences(marketing_messages=True, sms=False, quiet_from=time(1), quiet_until=time(2))
    put_preferences(session, user.id, wanted, ["expiring_points"], place="203.0.113.9")
    put_contact(session, user.id, phone_number="+4915112345678", timezone="Europe/Berlin")
    put_birthday(session, user.id, "12-10")
    put_push_token(session, user.id, '{"endpoint": "https://push.example.com/theirs"}')
    session.expire_all()
    return user


@pytest.mark.parametrize("show", [in_another_browser, having_registered_too, by_a_reset_link])
def test_what_a_stranger_set_is_gone_once_the_owner_shows_the_address(
    app: Portal, client: FlaskClient, session: Session, show: Show
) -> None:
    user = settle(session, app.test_client())
    theirs = set(session.scalars(select(KnownDevice.device_hash).where(KnownDevice.user_id == user.id)))
    assert theirs
    show(client, session)
    session.expire_all()
    assert user.email_verified_at is not None
    assert (user.phone_number, user.push_token, user.birthday, user.birthday_set_at) == (None, None, None, None)
    assert get_preferences(session, user.id) == Preferences()
    assert not theirs & set(session.scalars(select(KnownDevice.device_hash).where(KnownDevice.user_id == user.id)))
    changes = select(ConsentChange.given, ConsentChange.source).where(ConsentChange.user_id == user.id)
    assert [tuple(row) for row in session.execute(changes.order_by(ConsentChange.id))] == [
        (True, "member_preferences"),
        (False, "registration"),
    ]


def test_a_strangers_refusal_does_not_bind_the_owner_or_the_shop(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    user = settle(session, app.test_client())
    put_preferences(session, user.id, Preferences(marketing_messages=False), [])
    in_another_browser(client, session)
    assert not get_consent(session, user.id)
    assert change_consent(session, user.id, True, Origin("shop", "token:shop"))
    assert get_consent(session, user.id)


def test_who_registered_and_confirms_keeps_what_they_set(client: FlaskClient, session: Session) -> None:
    user = settle(session, client)
    follow_link(client, session, EMAIL)
    session.expire_all()
    assert (user.phone_number, user.timezone, user.birthday) == ("+4915112345678", "Europe/Berlin", "12-10")
    assert user.push_token is not None
    assert get_preferences(session, user.id).muted_kinds == ("expiring_points",)
    assert get_consent(session, user.id)


@pytest.mark.parametrize("ticked", [True, False])
def test_in_another_browser_consent_is_asked_there(
    app: Portal, client: FlaskClient, session: Session, ticked: bool
) -> None:
    register(app.test_client(), THEIRS, marketing_messages="" if ticked else "y")
    user = user_of(session)
    fields = {"password": MINE} | ({"marketing_messages": "y"} if ticked else {})
    follow_link(client, session, EMAIL, **fields)
    assert get_consent(session, user.id) is ticked
    sources = session.scalars(select(ConsentChange.source).where(ConsentChange.user_id == user.id)).all()
    assert sources == (["registration"] if ticked else [])


def test_a_tick_for_another_address_does_not_count_by_the_shops_word(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    register(app.test_client(), THEIRS, marketing_messages="y")
    user = user_of(session)
    body = {"name": "Ada", "email": "ada.lovelace@example.com"}
    answer = client.put(f"/api/v1/users/{user.id}", json=body, headers=bearer(make_token(session, "admin")))
    assert answer.status_code == 200
    session.expire_all()
    assert user.email_verified_at is not None
    assert not get_consent(session, user.id)


def test_notifications_that_are_switched_on_change_no_consent(session: Session) -> None:
    user = make_user(session)
    wanted = Preferences(marketing_messages=True, push=False, sms=False)
    put_preferences(session, user.id, wanted, ["expiring_points"], place="203.0.113.9")
    change_consent(session, user.id, False, Origin("unsubscribe_link", ""))
    start_push(session, user.id, "{}")
    row = session.get_one(NotificationPreferences, user.id, populate_existing=True)
    assert not session.scalars(select(ConsentChange).where(ConsentChange.given, ConsentChange.place == "")).all()
    assert (row.push, row.sms, row.marketing_messages, row.muted_kinds) == (True, False, False, ["expiring_points"])


def test_notifications_are_switched_on_by_who_has_chosen_nothing(session: Session) -> None:
    user = make_user(session)
    start_push(session, user.id, "{}")
    assert get_preferences(session, user.id) == Preferences()
    assert not get_consent(session, user.id)
