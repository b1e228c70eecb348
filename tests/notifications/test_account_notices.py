"""What owners are told by mail: real mails from the outbox, of what was really done."""

from email.message import EmailMessage
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import User
from portal.accounts.passwords import make_reset_token
from portal.notifications.web.labels import describe_browser
from portal.platform import outbox
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.accounts.test_login import PASSWORD, log_in
from tests.accounts.test_login_throttle import stranger
from tests.accounts.test_reset_password import reset
from tests.factories.accounts import bearer, csrf, make_token, make_user
from tests.sink import Sink

ADA, NEW = "ada@example.com", "ada.new@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def body(mail: EmailMessage) -> str:
    plain = mail.get_body(("plain",))
    assert plain is not None
    return str(plain.get_content())


def test_the_mails_say_what_happened_and_none_repeats_what_a_stranger_sent(
    mailing_app: Portal,
    sink: Sink,
) -> None:
    with unit_of_work() as session:
        user = make_user(session, id="ada", name="Ada A", email=ADA, password=PASSWORD, marketing_messages=False)
        admin = bearer(make_token(session, "admin"))
    client = mailing_app.test_client()
    log_in(client, ADA)
    log_in_with(stranger(client), FIREFOX)
    log_in_with(stranger(client), "<b>Your account is closed</b> http://evil.test")
    with mailing_app.app_context():
        token = make_reset_token(user)
    reset(stranger(client), token, "another long password")
    client.put("/api/v1/users/ada", json={"email": NEW, "name": "Ada"}, headers=admin)
    outbox.deliver()

    old = {mail["Subject"]: body(mail) for mail in sink.to(ADA)}
    (new,) = sink.to(NEW)[-1:]
    mails = sink.to(ADA) + sink.to(NEW)
    text = "\n".join(body(mail) for mail in mails)
    assert "Firefox on Linux, from 127.0.0.1" in text
    assert "evil" not in text + "".join(str(mail) for mail in mails)
    assert "A browser we do not know" in text
    assert "Your password was changed" in {mail["Subject"] for mail in mails}
    assert "another email address" in old["Your account has another email address"]
    assert "/password/forgot" not in old["Your account has another email address"]
    assert "Ada" not in old["Your account has another email address"]
    assert (new["Subject"], NEW in body(new)) == ("Your new email address", False)
    assert "http://localhost/password/forgot" in body(new)
    assert all("List-Unsubscribe" not in mail for mail in mails)


def log_in_with(client: FlaskClient, agent: str) -> Any:
    data = {"email": ADA, "password": PASSWORD, "csrf_token": csrf(client)}
    return client.post("/login", data=data, headers={"User-Agent": agent})


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on an iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("", "A browser we do not know"),
    ],
)
def test_a_browser_is_named_in_our_words(agent: str, words: str) -> None:
    assert describe_browser(agent) == words


def test_a_user_who_is_gone_is_told_nothing(mailing_app: Portal, sink: Sink) -> None:
    with unit_of_work() as session:
        make_user(session, id="ada", email=ADA, password=PASSWORD)
    client = mailing_app.test_client()
    log_in(client, ADA)
    log_in(stranger(client), ADA)
    with unit_of_work() as session:
        session.delete(session.get_one(User, "ada"))
    outbox.deliver()
    assert sink.mails == []
