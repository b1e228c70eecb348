"""What travels to a friend: no address of a site, nothing hidden, and texts only to the countries that are named."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.platform import ids
from portal.platform.web.application import Portal
from portal.referrals.models import ReferralInvite
from portal.referrals.outgoing import first_name, takes_texts
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

API = "/api/v1/loyalty"
LINKS = [
    "evil.example/x",
    "http://evil.example",
    "WWW.evil",
    "ｅｖｉｌ．ｅｘａｍｐｌｅ",
    "ev\u200bil.exam\u2060ple",
    "xn--80ak6aa92e",
    "evil[.]com",
    "пример.рф",
    "//evil/x",
    "evil。com",
    "javascript:alert(1)",
]
COUNTRIES = frozenset({"DE", "US", "GB", "FR"})


@pytest.fixture
def no_countries(app: Portal) -> Iterator[None]:
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"invite_sms_countries": ""})
    yield
    app.config["SETTINGS"] = before


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ReferralInvite)) or 0


def by_api(client: FlaskClient, session: Session, **body: Any) -> Any:
    headers = bearer(make_token(session, "member"), make_user(session).id)
    body = {"channel": "email", "inviteeEmail": "grace@example.org", **body}
    return client.post(f"{API}/referrals", json=body, headers=headers)


def by_admin(client: FlaskClient, session: Session, **body: Any) -> Any:
    path = f"{API}/members/{make_user(session).id}/referrals"
    body = {"channel": "email", "inviteeEmail": "grace@example.org", **body}
    return client.post(path, json=body, headers=bearer(make_token(session, "admin")))


def by_page(client: FlaskClient, session: Session, **fields: str) -> Any:
    sign_in(client, make_user(session))
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "channel": "email"}
    return client.post("/account/referrals", data={**form, "invitee_email": "grace@example.org", **fields})


def by_console(client: FlaskClient, session: Session, **fields: str) -> Any:
    sign_in(client, make_user(session, role="operator"))
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "channel": "email"}
    form |= {"user_id": make_user(session).id, "reason": "asked", "invitee_email": "grace@example.org"}
    return client.post("/admin/referrals/issue", data={**form, **fields})


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("way", [by_api, by_admin])
def test_a_link_in_name_or_message_is_named_in_a_422(
    client: FlaskClient, session: Session, way: Any, link: str
) -> None:
    for field in ("inviteeName", "message"):
        answer = way(client, session, **{field: f"Look: {link}"})
        assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")
        assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    assert count(session) == 0


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("way", [by_page, by_console])
def test_a_link_in_a_form_is_said_at_its_field(client: FlaskClient, session: Session, way: Any, link: str) -> None:
    for field in ("invitee_name", "message"):
        answer = way(client, session, **{field: f"Look: {link}"})
        assert answer.status_code == 422
        assert "Leave out web addresses" in answer.text
    assert count(session) == 0


def test_what_cannot_be_seen_does_not_travel(client: FlaskClient, session: Session) -> None:
    message = "Dear\u2066 Grace,\n\u00adcome \U000e0041along 👨‍👩‍👧"
    said = {"inviteeName": "Gra\u200bce\u202e\nHopper", "message": message}
    assert by_api(client, session, **said).get_json()["inviteeName"] == "Grace Hopper"
    assert by_page(client, session, invitee_email="mary@example.org", message=message).status_code == 303
    assert set(session.scalars(select(ReferralInvite.message))) == {"Dear Grace,\ncome along 👨‍👩‍👧"}


@pytest.mark.parametrize("empty", ["\u200b", "\u3164\u2800", " \u202e "])
def test_a_name_that_shows_nothing_is_no_name(client: FlaskClient, session: Session, empty: str) -> None:
    assert by_api(client, session, inviteeName=empty).status_code == 422
    assert by_page(client, session, invitee_name=empty).status_code == 303
    assert session.scalars(select(ReferralInvite.invitee_name)).one() is None


@pytest.mark.parametrize(
    "name",
    ["evil.example/x Free points", "Free points at evil.example", "ｗｗｗ．evil", "Ada \u200bt.me/x"],
)
def test_a_sender_whose_name_is_a_link_sends_nothing_but_has_a_link(
    client: FlaskClient, session: Session, name: str
) -> None:
    user = make_user(session, name=name)
    headers, admin = bearer(make_token(session, "member"), user.id), bearer(make_token(session, "admin"))
    mail = {"channel": "email", "inviteeEmail": "grace@example.org"}
    for path, who in ((f"{API}/referrals", headers), (f"{API}/members/{user.id}/referrals", admin)):
        answer = client.post(path, json=mail, headers=who)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")
        assert [error["field"] for error in answer.get_json()["errors"]] == ["name"]
    made = client.post(f"{API}/referrals", json={"channel": "link"}, headers=headers).get_json()
    page = client.get(f"/r/{made['code']}").text
    assert "A friend invites you" in page
    assert "evil" not in page
    sign_in(client, user)
    form = {"csrf_token": csrf(client), "idempotency_key": "k", "channel": "email", "invitee_email": "a@example.org"}
    answer = client.post("/account/referrals", data=form)
    assert answer.status_code == 422
    assert "Your own name looks like a web address" in answer.text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada Lovelace", "Ada"),
        ("\u202eAda\u200b Lovelace", "Ada"),
        ("", "A friend"),
        ("\u3164 ", "A friend"),
        ("evil.example Ada", "A friend"),
        ("Ada evil.example", "A friend"),
        ("J. R. R. Tolkien", "J."),
    ],
)
def test_friends_read_a_first_name_or_a_neutral_word(name: str, shown: str) -> None:
    assert first_name(name) == shown


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("+4915123456789", True),
        ("+14155552671", True),
        ("+447400123456", True),
        ("+393123456789", False),
        ("+19005551234", False),
        ("+18005551234", False),
        ("+447040123456", False),
        ("+491801234567", False),
        ("+33891234567", False),
        ("+4930123456", False),
        ("+881612345678", False),
        ("+870773111632", False),
        ("+88213123456", False),
        ("+979123456789", False),
        ("+80012345678", False),
        ("+15550001111", False),
    ],
)
def test_texts_go_to_mobile_numbers_of_the_countries(number: str, taken: bool) -> None:
    assert takes_texts(number, COUNTRIES) == taken
    assert not takes_texts(number, frozenset())


@pytest.mark.parametrize("way", [by_api, by_admin])
def test_a_number_that_is_not_texted_is_named(client: FlaskClient, session: Session, way: Any) -> None:
    for number in ("+393123456789", "+19005551234", "+881612345678"):
        answer = way(client, session, channel="sms", inviteePhone=number)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "inviteePhone")
    assert count(session) == 0


@pytest.mark.parametrize("way", [by_page, by_console])
def test_a_number_that_is_not_texted_is_said_at_its_field(client: FlaskClient, session: Session, way: Any) -> None:
    answer = way(client, session, channel="sms", invitee_phone="+1 900 555 1234")
    assert answer.status_code == 422
    assert "We cannot text this number" in answer.text


@pytest.mark.usefixtures("no_countries")
def test_where_no_country_is_texted_nobody_is_offered_it(client: FlaskClient, session: Session) -> None:
    assert by_api(client, session, channel="sms", inviteePhone="+4915123456789").status_code == 422
    answer = by_page(client, session, channel="sms", invitee_phone="+4915123456789")
    assert answer.status_code == 422
    assert "By text message" not in answer.text
    assert "phone" not in client.get("/account/referrals").text
    assert count(session) == 0
