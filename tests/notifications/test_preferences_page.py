"""`/account/preferences`: what a member lets us send, where and when."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.preferences import Preferences, get_preferences
from portal.platform import clock
from portal.platform.web.application import Portal
from tests.factories.accounts import csrf, make_user, sign_in

URL = "/account/preferences"
ALL = {
    "marketing_messages": "y",
    "kinds": ["tier_upgrade"],
    "email": "y",
    "sms": "y",
    "phone_number": "+1 415 555 2671",
    "timezone": "Europe/Berlin",
    "quiet_from": "22:00",
    "quiet_until": "07:30",
    "birthday_day": "10",
    "birthday_month": "12",
}


@pytest.fixture
def ada(client: FlaskClient, session: Session) -> User:
    """A signed-in member."""
    user = make_user(session, name="Ada Andersson")
    sign_in(client, user)
    return user


def save(client: FlaskClient, **changes: Any) -> Any:
    values = {**ALL, **changes, "csrf_token": csrf(client)}
    return client.post(URL, data={name: value for name, value in values.items() if value is not None})


def test_strangers_are_sent_to_sign_in(client: FlaskClient) -> None:
    assert client.get(URL).headers["Location"].startswith("/login")


def test_nothing_is_agreed_to_before_it_was_said(client: FlaskClient, ada: User) -> None:
    page = client.get(URL)
    assert page.status_code == 200
    box = next(line for line in page.text.split("<input") if 'name="marketing_messages"' in line)
    assert "checked" not in box.split(">")[0]


def test_what_was_chosen_is_kept_and_shown_again(client: FlaskClient, session: Session, ada: User) -> None:
    assert "Needs your phone number" in client.get(URL).text
    assert save(client).status_code == 303
    assert get_preferences(session, ada.id) == Preferences(True, True, True, False, ("nudge",), time(22), time(7, 30))
    session.refresh(ada)
    assert (ada.phone_number, ada.timezone, ada.birthday) == ("+14155552671", "Europe/Berlin", "12-10")
    page = client.get(URL).text
    assert 'value="+14155552671"' in page
    assert "Needs your phone number" not in page
    assert 'value="22:00"' in page


@pytest.fixture
def by_default(app: Portal) -> Iterator[None]:
    """A programme with quiet hours for who has not chosen."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"nudge_quiet_hours": "20:30-09:00"})
    yield
    app.config["SETTINGS"] = before


def test_the_page_says_which_quiet_hours_hold_until_somebody_chooses(
    client: FlaskClient, ada: User, by_default: None
) -> None:
    page = " ".join(client.get(URL).text.split())
    assert "If you leave both empty, we wait from 20:30 to 09:00." in page
    assert 'name="any_hour"' in page


def test_a_member_may_have_their_own_none_or_the_programmes_again(
    client: FlaskClient, session: Session, ada: User, by_default: None
) -> None:
    default = (time(20, 30), time(9))
    for given, kept in (
        ({}, (time(22), time(7, 30))),
        ({"any_hour": "y"}, None),
        ({"any_hour": "y", "quiet_from": "", "quiet_until": ""}, None),
        ({"quiet_from": "", "quiet_until": ""}, default),
    ):
        assert save(client, **given).status_code == 303
        assert get_preferences(session, ada.id).quiet_hours(default) == kept
        page = client.get(URL).text
        box = next(part for part in page.split("<input") if 'name="any_hour"' in part).split(">")[0]
        assert ("checked" in box) is (kept is None)
        assert ('value="22:00"' in page) is (kept == (time(22), time(7, 30)))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phone_number", "12345", "international number"),
        ("phone_number", "+1 23456789012345", "too many or too few"),
        ("timezone", "Mars/Base", "Choose one of the list"),
        ("quiet_until", "", "need a beginning and an end"),
        ("quiet_until", "22:00", "cannot end when they begin"),
        ("quiet_from", "noon", "Enter a time, such as 21:30."),
        ("birthday_day", "", "A birthday needs a day too."),
        ("birthday_month", "", "A birthday needs a month too."),
        ("birthday_day", "32", "Choose one of the list"),
        ("birthday_month", "02-", "Choose one of the list"),
    ],
)
def test_what_cannot_be_is_refused_with_words_and_nothing_is_kept(
    client: FlaskClient, session: Session, ada: User, field: str, value: str, words: str
) -> None:
    answer = save(client, **{field: value})
    assert answer.status_code == 422
    assert words in answer.text
    assert get_preferences(session, ada.id) == Preferences()


def test_a_birthday_says_what_it_is_for_and_keeps_when_it_was_told(
    client: FlaskClient, session: Session, ada: User
) -> None:
    page = " ".join(client.get(URL).text.split())
    assert "Enter it at least 30 days before" in page
    assert "We do not ask for the year." in page
    told = clock.now().replace(microsecond=0)
    for later, day, month, kept in (
        (0, "29", "02", ("02-29", told)),
        (1, "29", "02", ("02-29", told)),
        (2, "28", "02", ("02-28", told + timedelta(minutes=2))),
        (3, "", "", (None, None)),
        (4, "28", "02", ("02-28", told + timedelta(minutes=4))),
    ):
        with clock.at(told + timedelta(minutes=later)):
            assert save(client, birthday_day=day, birthday_month=month).status_code == 303
        session.refresh(ada)
        assert (ada.birthday, ada.birthday_set_at) == kept


@pytest.mark.parametrize(("day", "month"), [("30", "02"), ("31", "02"), ("31", "04"), ("31", "11")])
def test_a_day_that_the_month_does_not_have_is_refused(
    client: FlaskClient, session: Session, ada: User, day: str, month: str
) -> None:
    answer = save(client, birthday_day=day, birthday_month=month)
    assert (answer.status_code, "This month has no such day." in answer.text) == (422, True)
    session.refresh(ada)
    assert (ada.birthday, ada.phone_number) == (None, None)


def test_without_the_token_of_the_form_nothing_is_kept(client: FlaskClient, session: Session, ada: User) -> None:
    assert client.post(URL, data=ALL).status_code == 400
    assert get_preferences(session, ada.id) == Preferences()


def test_a_browser_subscribes_and_ends_its_subscription(client: FlaskClient, session: Session, ada: User) -> None:
    token = '{"endpoint":"https://fcm.googleapis.com/fcm/send/x","keys":{"p256dh":"k","auth":"a"}}'
    headers = {"X-CSRFToken": csrf(client)}
    assert client.post(f"{URL}/push", data={"subscription": token}, headers=headers).status_code == 204
    session.refresh(ada)
    assert ada.push_token == token
    assert client.post(f"{URL}/push/end", headers=headers).status_code == 303
    session.refresh(ada)
    assert ada.push_token is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "[]",
        "{}",
        '{"endpoint":1,"keys":{"p256dh":"k","auth":"a"}}',
        '{"endpoint":"https://10.0.0.7/x","keys":{"p256dh":"k","auth":"a"}}',
        '{"endpoint":"http://fcm.googleapis.com/x","keys":{"p256dh":"k","auth":"a"}}',
        '{"endpoint":"https://fcm.googleapis.com.evil.example/x","keys":{"p256dh":"k","auth":"a"}}',
    ],
)
def test_a_subscription_of_no_known_push_service_is_refused(
    client: FlaskClient, session: Session, ada: User, token: str
) -> None:
    answer = client.post(f"{URL}/push", data={"subscription": token}, headers={"X-CSRFToken": csrf(client)})
    assert answer.status_code == 422
    session.refresh(ada)
    assert ada.push_token is None
