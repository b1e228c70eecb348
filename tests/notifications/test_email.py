"""What a mail looks like on the wire."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from portal.notifications.channels import Envelope, email
from portal.notifications.channels.smtp_connection import Server
from tests.sink import Sink

LETTER = Envelope(
    "ref",
    "ada@example.com",
    "You have reached Gold",
    "Dear Zoë,\n.\n..so on\n",
    f"<p>Zoë {'x' * 1200}</p>",
    "Gold.",
    "http://localhost/account/loyalty",
    f"http://localhost/unsubscribe/{'t' * 150}",
)


def on_the_wire(letter: Envelope) -> tuple[bytes, EmailMessage]:
    raw = email.compose(letter, "Acme <rewards@example.com>").as_bytes()
    return raw, message_from_bytes(raw, policy=default)


def test_lines_are_short_plain_and_end_as_smtp_wants_them() -> None:
    raw, _ = on_the_wire(LETTER)
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) < 998


@pytest.mark.parametrize("subject", ["Gold", "Grüße — du bist Gold", "Grüße an alle " * 12, "Points and rewards " * 12])
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    _, mail = on_the_wire(replace(LETTER, subject=subject))
    assert mail["Subject"] == subject.strip()


def test_a_subject_cannot_add_headers() -> None:
    _, mail = on_the_wire(replace(LETTER, subject="Gold\r\nBcc: eve@example.com"))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Gold Bcc: eve@example.com"


def test_the_link_to_unsubscribe_is_whole() -> None:
    _, mail = on_the_wire(LETTER)
    assert mail["List-Unsubscribe"] == f"<{LETTER.unsubscribe}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_lines_of_dots_reach_the_reader(sink: Sink) -> None:
    email.send(LETTER, Server.parse(sink.url), "Acme <rewards@example.com>")
    (mail,) = sink.mails
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().splitlines() == LETTER.text.splitlines()
    assert page.get_content().strip() == LETTER.html
