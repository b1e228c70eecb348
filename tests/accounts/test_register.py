"""/register: an account to be confirmed, and no word about who has one."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, User
from portal.accounts.registration import NOTES, REGISTRATION_TOPIC
from portal.accounts.verification import AFTER_VERIFICATION
from portal.notifications.models import Message
from portal.platform import clock, ids
from portal.platform.models import OutboxMessage
from portal.platform.outbox import deliver
from portal.platform.web.application import Portal
from tests.factories.accounts import csrf, follow_link, make_user, sign_in
from tests.statements import counted

ADA = {"name": " Ada Lovelace ", "email": "Ada@Example.com", "password": "correct horse battery"}


def register(client: FlaskClient, **fields: str) -> Any:
    return client.post("/register", data={**ADA, "csrf_token": csrf(client), **fields})


def only_user(session: Session) -> User:
    return session.scalars(select(User)).one()


def mails(session: Session) -> list[tuple[str, str | None]]:
    """What was mailed since, each with its kind and to whom."""
    deliver()
    sent = select(Message.kind, Message.recipient).where(Message.status == "sent").order_by(Message.id)
    return [(kind, recipient) for kind, recipient in session.execute(sent)]


@pytest.fixture
def capped(app: Portal) -> Iterator[Any]:
    """Change settings for a test."""
    before = app.config["SETTINGS"]

    def change(**settings: Any) -> None:
        app.config["SETTINGS"] = before.model_copy(update=settings)

    yield change
    app.config["SETTINGS"] = before


def test_a_visitor_gets_an_account_and_a_mail_and_is_not_signed_in(client: FlaskClient, session: Session) -> None:
    answer = register(client)
    user = only_user(session)
    assert (answer.status_code, answer.location) == (303, "/register/sent")
    assert (user.email, user.name, user.role) == ("ada@example.com", "Ada Lovelace", "member")
    assert ids.parse(user.id) is not None
    assert user.email_verified_at is None
    assert client.get("/account/loyalty").status_code == 303
    assert mails(session) == [("verify_address", "ada@example.com")]


def test_the_page_says_where_the_link_went_and_what_to_do(client: FlaskClient) -> None:
    unknown = client.get("/register/sent").text
    assert "the address you gave" in unknown
    assert "the address above" not in unknown
    assert 'href="/register/again"' in unknown
    register(client)
    page = client.get("/register/sent").text
    assert "Ada@Example.com" in page
    assert "spam folder" in page
    assert 'action="/register/again"' in page


def test_registering_a_known_address_answers_as_for_a_new_one_and_mails_its_owner(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    make_user(session, email="ada@example.com", name="Ada King", password="her own password")
    other = app.test_client()
    known, new = register(client), register(other, email="grace@example.com")
    assert (known.status_code, known.location, known.text) == (new.status_code, new.location, new.text)
    assert len(known.headers.getlist("Set-Cookie")) == len(new.headers.getlist("Set-Cookie"))
    pages = [browser.get("/register/sent").text for browser in (client, other)]
    assert pages[0].count("Send it again") == pages[1].count("Send it again") == 1
    assert mails(session) == [("address_known", "ada@example.com"), ("verify_address", "grace@example.com")]
    assert session.scalar(select(func.count()).select_from(AuthSession)) == 0
    assert session.scalar(select(User.name).where(User.email == "ada@example.com")) == "Ada King"


def sent_to_register(client: FlaskClient, session: Session, email: str) -> list[str]:
    """The statements behind a registration, with lists of values made alike."""
    with counted(session) as sent:
        assert register(client, email=email).location == "/register/sent"
    return sent


@pytest.mark.parametrize("fields", [{}, {"email_verified_at": None}, {"disabled_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_the_same_statements_are_sent_whoever_has_the_address(
    client: FlaskClient, session: Session, fields: dict[str, Any]
) -> None:
    make_user(session, email="ada@example.com", **fields)
    new, known = (sent_to_register(client, session, email) for email in ("grace@example.com", "ada@example.com"))
    assert known == new
    assert session.scalar(select(func.count()).where(OutboxMessage.topic == REGISTRATION_TOPIC)) == 2


def test_a_registration_takes_as_long_whoever_has_the_address(client: FlaskClient, session: Session) -> None:
    """Hashing a password takes longer than everything else together, so that leaving it out would tell."""
    make_user(session, email="ada@example.com")
    took: dict[str, float] = {}
    for email in ("ada@example.com", "grace@example.com") * 4:
        began = time.perf_counter()
        register(client, email=email)
        took[email] = min(took.get(email, 9.0), time.perf_counter() - began)
    assert 0.5 < took["ada@example.com"] / took["grace@example.com"] < 2


def test_nobody_sends_words_of_their_own_to_an_address_that_is_not_theirs(
    client: FlaskClient, session: Session
) -> None:
    """Whoever registers it chooses the name, so that no mail to the address says it."""
    register(client, name="http://evil.example/prize now!")
    client.post("/password/forgot", data={"email": "ada@example.com", "csrf_token": csrf(client)})
    deliver()
    bodies = session.execute(select(Message.kind, Message.subject, Message.body_text, Message.body_html)).all()
    assert {row.kind for row in bodies} == {"verify_address", "password_reset"}
    assert not any("evil" in str(row) or "Hello ," in str(row) for row in bodies)


def test_the_owner_is_told_once_a_day(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com")
    with time_machine.travel(clock.now().replace(hour=1), tick=False) as traveller:
        for _ in range(3):
            register(client)
        assert mails(session) == [("address_known", "ada@example.com")]
        traveller.shift(24 * 3600 + 1)
        register(client)
        assert len(mails(session)) == 2


def test_an_address_gets_five_links_a_day_and_nobody_is_told(client: FlaskClient, session: Session) -> None:
    answers = [register(client).location for _ in range(7)]
    assert answers == ["/register/sent"] * 7
    assert mails(session) == [("verify_address", "ada@example.com")] * 5
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        register(client)
        assert len(mails(session)) == 6


def test_a_network_registers_so_often_in_a_day(client: FlaskClient, session: Session, capped: Any) -> None:
    capped(registrations_per_caller_per_day=2)
    for name in ("ada", "grace"):
        assert register(client, email=f"{name}@example.com").status_code == 303
    refused = register(client, email="mary@example.com")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 80_000
    assert "Try again in" in refused.text
    make_user(session, email="known@example.com")
    assert register(client, email="known@example.com").status_code == 429
    assert session.scalar(select(User.id).where(User.email == "mary@example.com")) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 121),
        ("name", "a\x00b"),
        ("email", ""),
        ("email", "ada"),
        ("password", ""),
        ("password", "too short"),
        ("password", "x" * 201),
        ("password", "ADA@example.com"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_made(
    client: FlaskClient, session: Session, field: str, value: str
) -> None:
    answer = register(client, **{field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert session.scalar(select(func.count()).select_from(User)) == 0


def test_a_form_without_token_makes_nothing(client: FlaskClient, session: Session) -> None:
    assert client.post("/register", data=ADA).status_code == 400
    assert session.scalar(select(func.count()).select_from(User)) == 0


def test_who_is_signed_in_goes_on(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get("/register").location == "/account/loyalty"


def test_another_link_is_mailed_to_who_waits_for_one_and_to_nobody_else(client: FlaskClient, session: Session) -> None:
    make_user(session, email="verified@example.com")
    register(client)
    for email in ("ada@example.com", "verified@example.com", "nobody@example.com"):
        answer = client.post("/register/again", data={"email": email, "csrf_token": csrf(client)})
        assert (answer.status_code, answer.location) == (303, "/register/sent")
        assert "another one is on its way" in client.get("/register/sent").text
    assert mails(session) == [("verify_address", "ada@example.com")] * 2
    assert client.post("/register/again", data={"email": "ada", "csrf_token": csrf(client)}).status_code == 422


@pytest.fixture
def told(app: Portal, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str]]:
    """A domain that notes a cookie, and what it is told once the address is verified."""
    heard: list[tuple[str | None, str]] = []

    def note(cookies: Mapping[str, str]) -> dict[str, str]:
        return {"invited_by": cookies.get("invited_by", "nobody")}

    def hear(_session: Session, user: User, noted: Mapping[str, Any], _at: datetime) -> None:
        heard.append((user.email, noted["invited_by"]))

    monkeypatch.setitem(app.extensions, NOTES, [note])
    monkeypatch.setitem(app.extensions, AFTER_VERIFICATION, [hear])
    return heard


def test_other_domains_learn_of_it_with_what_they_noted_once_the_address_is_verified(
    client: FlaskClient, session: Session, told: list[tuple[str | None, str]]
) -> None:
    client.set_cookie("invited_by", "K7MPX42QD")
    register(client)
    assert told == []
    follow_link(client, session, "ada@example.com")
    assert told == [("ada@example.com", "K7MPX42QD")]
