"""`/account/preferences`: what a member may say, and what is kept."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.pages import PageView
from tests.contract.shop import Shop
from tests.factories.accounts import make_user, sign_in

PATH = "/account/preferences"
SAVED = (200, 302, 303)


@pytest.fixture
def member(client: FlaskClient, session: Session) -> FlaskClient:
    """A signed-in member's browser."""
    sign_in(client, make_user(session))
    return client


def shown(client: FlaskClient) -> dict[str, Any]:
    _, fields = PageView(client.get(PATH).get_data(as_text=True)).form()
    return fields


def save(client: FlaskClient, **fields: Any) -> int:
    filled = {key: value for key, value in {**shown(client), **fields}.items() if value is not None}
    return client.post(PATH, data=filled).status_code


def test_consent_is_not_given_until_the_member_gives_it(member: FlaskClient) -> None:
    assert "marketing_messages" not in shown(member)
    assert save(member, marketing_messages="y") in SAVED
    assert "marketing_messages" in shown(member)
    assert save(member, marketing_messages=None) in SAVED
    assert "marketing_messages" not in shown(member)


@pytest.mark.parametrize(
    ("field", "value"),
    [("timezone", "Europe/Berlin"), ("timezone", "America/New_York"), ("phone_number", "+4915112345678")],
)
def test_what_is_said_is_kept(member: FlaskClient, field: str, value: str) -> None:
    assert save(member, **{field: value}) in SAVED
    kept = shown(member)[field]
    assert value in "".join(kept).replace(" ", "")


def test_quiet_hours_may_pass_midnight_and_be_taken_back(member: FlaskClient) -> None:
    assert save(member, quiet_from="22:00", quiet_until="07:00") in SAVED
    assert (shown(member)["quiet_from"], shown(member)["quiet_until"]) == (["22:00"], ["07:00"])
    assert save(member, quiet_from="", quiet_until="") in SAVED
    assert shown(member)["quiet_from"] == [""]


@pytest.mark.parametrize(("month", "day"), [("02", "29"), ("12", "31"), ("01", "01")])
def test_a_birthday_may_be_told_and_taken_back(member: FlaskClient, month: str, day: str) -> None:
    assert (shown(member)["birthday_day"], shown(member)["birthday_month"]) == ("", "")
    assert save(member, birthday_month=month, birthday_day=day) in SAVED
    assert (shown(member)["birthday_day"], shown(member)["birthday_month"]) == (day, month)
    assert save(member, birthday_month="", birthday_day="") in SAVED
    assert (shown(member)["birthday_day"], shown(member)["birthday_month"]) == ("", "")


def test_a_birthday_by_api_is_the_one_on_the_page(shop: Shop, client: FlaskClient, session: Session) -> None:
    user = make_user(session)
    sign_in(client, user)
    path, body = f"/api/v1/users/{user.id}", {"email": user.email, "name": user.name}
    assert shop.api.put(path, {**body, "birthday": "03-04"}).status_code == 200
    assert (shown(client)["birthday_month"], shown(client)["birthday_day"]) == ("03", "04")
    assert save(client, birthday_day="05") in SAVED
    assert shop.api.get(path).get_json()["birthday"] == "03-05"


@pytest.mark.parametrize(
    "fields",
    [
        {"birthday_month": "02", "birthday_day": "30"},
        {"birthday_month": "04", "birthday_day": "31"},
        {"birthday_month": "13", "birthday_day": "01"},
        {"birthday_month": "2", "birthday_day": "3"},
        {"birthday_month": "02"},
        {"birthday_day": "03"},
        {"phone_number": "12"},
        {"phone_number": "call me"},
        {"phone_number": "+99999999999999"},
        {"timezone": "Mars/Base"},
        {"timezone": "../../etc/passwd"},
        {"quiet_from": "25:00", "quiet_until": "07:00"},
        {"quiet_from": "22:00", "quiet_until": ""},
        {"quiet_from": "", "quiet_until": "07:00"},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(member: FlaskClient, fields: dict[str, str]) -> None:
    before = {key: value for key, value in shown(member).items() if key != "csrf_token"}
    assert save(member, **fields) == 422
    assert {key: value for key, value in shown(member).items() if key != "csrf_token"} == before


def test_the_form_needs_its_csrf_token(member: FlaskClient) -> None:
    assert save(member, csrf_token=None, marketing_messages="y") == 400
    assert "marketing_messages" not in shown(member)


def test_consent_by_api_is_consent_on_the_page(shop: Shop, client: FlaskClient, session: Session) -> None:
    user = make_user(session)
    sign_in(client, user)
    body = {"email": user.email, "name": user.name, "marketingMessages": True, "timezone": "Europe/Berlin"}
    assert shop.api.put(f"/api/v1/users/{user.id}", body).status_code == 200
    assert "marketing_messages" in shown(client)
    assert shown(client)["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC"])
def test_saving_keeps_a_timezone_that_the_api_took(
    shop: Shop, client: FlaskClient, session: Session, zone: str
) -> None:
    user = make_user(session)
    body = {"email": user.email, "name": user.name, "timezone": zone}
    assert shop.api.put(f"/api/v1/users/{user.id}", body).get_json()["timezone"] == zone
    sign_in(client, user)
    _, fields = PageView(client.get(PATH).get_data(as_text=True)).form()
    assert fields["timezone"] == zone, "a browser would save another one"
    assert client.post(PATH, data=fields).status_code in SAVED
