"""SMS through Apprise, against a real HTTP server."""

import logging
from io import StringIO

import pytest

from portal.notifications.channels import Envelope, NotAccepted, OutcomeUnknown, Refused, sms
from tests.http_sink import HttpSink

ENVELOPE = Envelope("ref", "+14155552671", "Subject", "text", "<p>html</p>", "You have reached Gold.", "http://x/hub")


def url(sink: HttpSink) -> str:
    return f"json://127.0.0.1:{sink.port}/{{phone}}"


def test_the_short_form_and_the_link_go_to_the_number(http_sink: HttpSink) -> None:
    assert sms.send(ENVELOPE, url(http_sink)).backend == "apprise"
    (request,) = http_sink.requests
    assert request.path == "/+14155552671"
    assert b"You have reached Gold. http://x/hub" in request.body


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(429, NotAccepted), (503, NotAccepted), (400, Refused), (401, Refused), (500, OutcomeUnknown)],
)
def test_only_a_provider_that_says_later_is_asked_again(
    http_sink: HttpSink, status: int, outcome: type[Exception]
) -> None:
    http_sink.status = status
    with pytest.raises(outcome):
        sms.send(ENVELOPE, url(http_sink))


def test_neither_the_url_nor_the_message_is_logged(http_sink: HttpSink) -> None:
    root, written = logging.getLogger(), StringIO()
    handler = logging.StreamHandler(written)
    root.addHandler(handler)
    try:
        sms.send(ENVELOPE, url(http_sink))
    finally:
        root.removeHandler(handler)
    assert written.getvalue() == ""


def test_a_provider_that_is_not_there_is_asked_again() -> None:
    with pytest.raises(NotAccepted):
        sms.send(ENVELOPE, "json://127.0.0.1:9/{phone}")


def test_a_provider_that_hangs_up_leaves_it_uncertain(http_sink: HttpSink) -> None:
    http_sink.status = 0
    with pytest.raises(OutcomeUnknown):
        sms.send(ENVELOPE, url(http_sink))


@pytest.mark.parametrize("setting", ["json://127.0.0.1/", "carrier-pigeon://{phone}"])
def test_a_setting_that_could_never_send_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"phone|Apprise"):
        sms.check_url(setting)
