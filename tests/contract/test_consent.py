"""CONTRACT-SHOP 9.1, "Consent": each sentence, as the shop and its members see it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.accounts.models import ConsentChange, User
from portal.notifications.unsubscribe import make_token
from portal.platform import clock
from tests.contract.api import Api
from tests.factories.accounts import csrf, make_user, sign_in
from tests.imports.test_imports import bring

KIM = {"email": "kim@example.com", "name": "Kim"}
PATH = "/api/v1/users/kim"


@pytest.fixture
def kim(admin: Api) -> dict[str, Any]:
    """Somebody who agreed in the shop."""
    return dict(admin.put(PATH, {**KIM, "marketingMessages": True}).get_json())


def withdraw(client: FlaskClient, session: Session, way: str) -> None:
    """Take consent back, as a member does."""
    if way == "link":
        assert client.post(f"/unsubscribe/{make_token('user', 'kim')}").status_code == 200
        return
    browser = client.application.test_client()
    sign_in(browser, session.get_one(User, "kim"))
    form = {"email": "y", "kinds": ["nudge"], "timezone": "", "csrf_token": csrf(browser)}
    assert browser.post("/account/preferences", data=form).status_code == 303


def history(session: Session) -> list[tuple[bool, str, str]]:
    rows = select(ConsentChange.given, ConsentChange.source, ConsentChange.place).order_by(ConsentChange.id)
    return [tuple(row) for row in session.execute(rows)]  # type: ignore[misc]  # columns as they are asked for


@pytest.mark.usefixtures("kim")
@pytest.mark.parametrize("way", ["link", "preferences"])
def test_a_members_own_withdrawal_is_not_undone_by_a_sync(
    client: FlaskClient, session: Session, admin: Api, way: str
) -> None:
    withdraw(client, session, way)
    for _ in range(2):
        answer = admin.put(PATH, {**KIM, "marketingMessages": True})
        document = answer.get_json()
        assert (answer.status_code, document["marketingMessages"]) == (200, False)
        assert document["consent"]["source"] == "member"
        assert document["consent"]["marketing"] is False
    other = admin.put(PATH, {**KIM, "name": "Kim Lee", "marketingMessages": True}).get_json()
    assert (other["name"], other["marketingMessages"]) == ("Kim Lee", False)


@pytest.mark.usefixtures("kim")
@pytest.mark.parametrize(("seconds", "given"), [(60, True), (-60, False)])
def test_unless_consent_was_given_later_than_the_withdrawal(
    client: FlaskClient, session: Session, admin: Api, seconds: int, given: bool
) -> None:
    withdraw(client, session, "link")
    granted = (clock.now() + timedelta(seconds=seconds)).isoformat()
    body = {**KIM, "marketingMessages": True, "consent": {"grantedAt": granted, "source": "checkout"}}
    document = admin.put(PATH, body).get_json()
    assert document["marketingMessages"] is given
    assert document["consent"]["source"] == ("checkout" if given else "member")
    assert admin.get(PATH).get_json() == document


@pytest.mark.usefixtures("kim")
@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 422), (60 * 24 * 400, 422)])
def test_more_than_five_minutes_in_the_future_is_422(admin: Api, minutes: int, status: int) -> None:
    granted = (clock.now() + timedelta(minutes=minutes)).isoformat()
    body = {**KIM, "marketingMessages": True, "consent": {"grantedAt": granted, "source": "checkout"}}
    answer = admin.put(PATH, body)
    assert answer.status_code == status
    if status == 422:
        assert answer.get_json()["errors"][0]["field"] == "consent.grantedAt"


@pytest.mark.parametrize(
    "consent",
    [
        {},
        {"grantedAt": "yesterday", "source": "x"},
        {"grantedAt": "2026-01-01T00:00:00Z"},
        "yes",
        {"source": "x"},
        {"grantedAt": "2026-01-01T00:00:00Z", "source": ""},
        {"grantedAt": "2026-01-01T00:00:00Z", "source": "x" * 65},
    ],
)
def test_a_consent_that_says_too_little_is_refused(admin: Api, consent: Any) -> None:
    assert admin.put(PATH, {**KIM, "marketingMessages": True, "consent": consent}).status_code == 422


@pytest.mark.usefixtures("kim")
def test_a_grant_counts_once(client: FlaskClient, session: Session, admin: Api) -> None:
    """The shop repeats what it knows every night: an old grant does not undo a newer withdrawal."""
    body = {**KIM, "marketingMessages": True, "consent": {"grantedAt": clock.now().isoformat(), "source": "checkout"}}
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        withdraw(client, session, "link")
        assert admin.put(PATH, body).get_json()["marketingMessages"] is False


@pytest.mark.usefixtures("kim")
def test_what_the_shop_took_back_the_shop_gives_again(admin: Api) -> None:
    assert admin.put(PATH, {**KIM, "marketingMessages": False}).get_json()["marketingMessages"] is False
    assert admin.put(PATH, {**KIM, "marketingMessages": True}).get_json()["marketingMessages"] is True


def test_a_link_followed_without_consent_keeps_the_shop_from_giving_it(client: FlaskClient, admin: Api) -> None:
    admin.put(PATH, KIM)
    for _ in range(2):
        client.post(f"/unsubscribe/{make_token('user', 'kim')}")
    assert admin.put(PATH, {**KIM, "marketingMessages": True}).get_json()["marketingMessages"] is False


@pytest.mark.usefixtures("kim")
def test_a_member_gives_it_again_themselves(client: FlaskClient, session: Session, admin: Api) -> None:
    withdraw(client, session, "link")
    sign_in(client, session.get_one(User, "kim"))
    form = {"marketing_messages": "y", "email": "y", "timezone": "", "csrf_token": csrf(client)}
    client.post("/account/preferences", data=form)
    assert admin.get(PATH).get_json()["marketingMessages"] is True
    assert admin.put(PATH, {**KIM, "marketingMessages": True}).get_json()["marketingMessages"] is True


def run_import(client: FlaskClient, session: Session, rows: str) -> None:
    """Check a file, confirm it and let a worker apply it."""
    browser = client.application.test_client()
    sign_in(browser, make_user(session, role="operator"))
    assert bring(session, browser, f"user_id,email,name,marketing_messages\n{rows}\n").status == "applied"


@pytest.mark.usefixtures("kim")
def test_an_import_does_not_undo_it_either(client: FlaskClient, session: Session, admin: Api) -> None:
    withdraw(client, session, "link")
    run_import(client, session, "kim,kim@example.com,Kim,yes\nlea,lea@example.com,Lea,yes")
    assert admin.get(PATH).get_json()["marketingMessages"] is False
    lea = admin.get("/api/v1/users/lea").get_json()
    assert (lea["marketingMessages"], lea["consent"]["source"]) == (True, "import")
    assert lea["verifiedAt"] is not None


def test_an_import_takes_an_unverified_address_over(client: FlaskClient, session: Session, admin: Api) -> None:
    form = {"name": "Mallory", "email": "kim@example.com", "password": "a stranger's password"}
    client.post("/register", data={**form, "csrf_token": csrf(client)})
    stranger = session.scalars(select(User.id).where(User.email == "kim@example.com")).one()
    run_import(client, session, "kim,kim@example.com,Kim,no")
    assert admin.get(PATH).get_json()["email"] == "kim@example.com"
    assert admin.get(f"/api/v1/users/{stranger}").get_json()["email"] is None


@pytest.mark.usefixtures("kim")
def test_every_change_is_a_row_with_source_time_and_where(client: FlaskClient, session: Session, admin: Api) -> None:
    token = next(place for _, _, place in history(session))
    assert token.startswith("token:")
    withdraw(client, session, "preferences")
    admin.put(PATH, {**KIM, "marketingMessages": True})
    granted = {"grantedAt": (clock.now() + timedelta(minutes=1)).isoformat(), "source": "checkout"}
    admin.put(PATH, {**KIM, "marketingMessages": True, "consent": granted})
    withdraw(client, session, "link")
    run_import(client, session, "kim,kim@example.com,Kim,yes")
    assert history(session) == [
        (True, "shop", token),
        (False, "member_preferences", "127.0.0.1"),
        (True, "shop", token),
        (False, "unsubscribe_link", "127.0.0.1"),
    ]
    row = session.scalars(select(ConsentChange).where(ConsentChange.word == "checkout")).one()
    assert row.granted_at is not None
    assert row.granted_at.isoformat() == granted["grantedAt"]


@pytest.mark.usefixtures("kim")
def test_the_history_is_append_only(session: Session) -> None:
    row = session.scalars(select(ConsentChange)).one()
    row.given = False
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.flush()
