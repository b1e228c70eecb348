"""One line to the mail server serves many mails, and what happens to one of them does not touch the next."""

from dataclasses import replace

import pytest
from aiosmtpd.smtp import Envelope as Received

from portal.notifications.channels import NotAccepted, Refused, email
from portal.notifications.channels.smtp_connection import Server, keep_connections
from tests.notifications.test_email import LETTER
from tests.sink import Sink, running_sink


@pytest.fixture
def greetings(sink: Sink) -> list[str]:
    """One entry for each line that the sink has seen."""
    seen: list[str] = []
    sink.answers["EHLO"] = lambda _: seen.append("EHLO")
    return seen


def send(sink: Sink, *names: str) -> None:
    for name in names:
        letter = replace(LETTER, to=f"{name}@example.com", reference=name)
        email.send(letter, Server.parse(sink.url), "Acme <rewards@example.com>")


def to(sink: Sink) -> list[str]:
    return [mail["To"].partition("@")[0] for mail in sink.mails]


def test_mails_share_a_line_while_lines_are_kept_and_no_longer(sink: Sink, greetings: list[str]) -> None:
    with keep_connections():
        send(sink, "ada", "ben", "cleo")
    assert len(greetings) == 1
    send(sink, "dan", "eve")
    assert len(greetings) == 3
    assert to(sink) == ["ada", "ben", "cleo", "dan", "eve"]


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [("RCPT", "550 No such user", Refused), ("RCPT", "451 Later", NotAccepted), ("DATA", "554 Spam", Refused)],
)
def test_a_recipient_who_is_refused_does_not_touch_the_next(
    sink: Sink, step: str, answer: str, error: type[Exception]
) -> None:
    def refuse_ben(received: Received) -> str | None:
        first = not received.rcpt_tos and len(sink.mails) == 1
        return answer if first or received.rcpt_tos == ["ben@example.com"] else None

    sink.answers[step] = refuse_ben
    with keep_connections():
        send(sink, "ada")
        with pytest.raises(error):
            send(sink, "ben")
        sink.answers.clear()
        send(sink, "cleo")
    assert to(sink) == ["ada", "cleo"]


def test_a_server_that_has_left_is_called_again(sink: Sink) -> None:
    with keep_connections():
        with running_sink() as first:
            send(first, "ada")
        with running_sink(first.port) as second:
            send(second, "ben")
        assert (to(first), to(second)) == (["ada"], ["ben"])


def test_a_server_that_goes_on_no_longer_is_called_again(sink: Sink, greetings: list[str]) -> None:
    """As one does that takes so many mails on a line: 421 to the next, or any other word than yes."""
    sink.answers["MAIL"] = lambda _: "421 Enough" if len(greetings) == len(sink.mails) == 1 else None
    with keep_connections():
        send(sink, "ada", "ben")
    assert to(sink) == ["ada", "ben"]
    assert len(greetings) == 2
