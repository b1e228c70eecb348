"""Delivery: tried again only where the server has certainly not taken the mail; never sent twice."""

import time
from datetime import timedelta

import pytest
from aiosmtpd.smtp import Envelope
from sqlalchemy import select, text

from portal.notifications.delivery import MAX_ATTEMPTS
from portal.notifications.models import Message
from portal.platform import clock, ids, outbox
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from tests.notifications.test_tier_upgrade import message, rise
from tests.sink import Sink


def outbox_status() -> str:
    with unit_of_work() as session:
        return str(session.scalars(select(OutboxMessage.status)).one())


def later(times: int = 1) -> None:
    """Deliver after the back-off, so often."""
    for _ in range(times):
        with unit_of_work() as session:
            moment = session.scalar(text("SELECT max(next_attempt_at) FROM outbox"))
        with clock.at(max(moment, clock.now()) + timedelta(seconds=1)):
            outbox.deliver()


@pytest.mark.parametrize(("step", "answer"), [("RCPT", "451 Later"), ("DATA", "452 Full")])
def test_a_server_that_says_later_is_asked_again(mailing_app: Portal, sink: Sink, step: str, answer: str) -> None:
    rise()
    sink.answers[step] = lambda _: answer
    assert outbox.deliver()["retried"] == 1
    assert (message().status, message().reason) == ("deferred", answer)
    sink.answers.clear()
    later()
    assert len(sink.mails) == 1
    assert (message().status, message().attempts, outbox_status()) == ("sent", 2, "done")


def test_a_server_that_cannot_be_reached_is_asked_again_and_given_up_at_last(mailing_app: Portal, sink: Sink) -> None:
    rise()
    mailing_app.config["SETTINGS"].email_url = "smtp://127.0.0.1:9"
    later(MAX_ATTEMPTS)
    assert message().status == "failed"
    assert message().reason.startswith("given up: ConnectionRefusedError")
    assert outbox_status() == "done"


@pytest.mark.parametrize(("step", "answer"), [("RCPT", "550 No such user"), ("DATA", "554 Spam")])
def test_a_server_that_says_never_is_not_asked_again(mailing_app: Portal, sink: Sink, step: str, answer: str) -> None:
    rise()
    sink.answers[step] = lambda _: answer
    outbox.deliver()
    later()
    assert (message().status, message().reason, message().attempts) == ("failed", answer, 1)


def test_a_line_that_dies_after_the_mail_leaves_it_uncertain(
    mailing_app: Portal, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    rise()

    monkeypatch.setattr("portal.notifications.channels.smtp_connection.STEP_SECONDS", 0.3)
    sink.answers["DATA"] = hang
    outbox.deliver()
    assert message().status == "uncertain"
    sink.answers.clear()
    later()
    assert outbox_status() == "uncertain"
    assert message().attempts == 1


def hang(_: Envelope) -> str:
    time.sleep(0.8)
    return "250 Accepted, and nobody heard it"


def test_what_a_lost_worker_had_claimed_is_uncertain_and_never_sent(mailing_app: Portal, sink: Sink) -> None:
    rise()
    with unit_of_work() as session:
        outbox.claim(session)
        row = session.scalars(select(OutboxMessage)).one()
        key = f"outbox:{ids.encode(row.id)}"
        session.add(
            Message(
                id=ids.new_id(),
                dedupe_key=key,
                kind="tier_upgrade",
                channel="email",
                status="claimed",
                attempts=1,
                details={},
                reason="",
                created_at=clock.now(),
                updated_at=clock.now(),
            )
        )
    later()
    assert sink.mails == []
    assert (message().status, outbox_status()) == ("uncertain", "uncertain")


def test_without_a_provider_the_preview_inbox_keeps_the_message(mailing_app: Portal, sink: Sink) -> None:
    address = rise()
    mailing_app.config["SETTINGS"].email_url = ""
    outbox.deliver()
    kept = message()
    assert (kept.status, kept.backend, kept.recipient, kept.subject) == (
        "sent",
        "preview",
        address,
        "You have reached Gold",
    )
    assert "thank you" in (kept.body_text or "")
    assert "<h1>" in (kept.body_html or "")
