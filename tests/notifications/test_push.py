"""Web Push, against a real HTTP server in the place of a browser's push service."""

import base64
import os

import http_ece
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from portal.accounts.models import User
from portal.accounts.preferences import Preferences, put_preferences
from portal.notifications.channels import Envelope, NotAccepted, OutcomeUnknown, Refused, push
from portal.platform import outbox
from portal.platform.db import unit_of_work
from portal.platform.outbound import Client
from portal.platform.web.application import Portal
from tests.http_sink import HttpSink
from tests.notifications.test_tier_upgrade import message, rise

PRIVATE = base64.urlsafe_b64encode((7).to_bytes(32, "big")).rstrip(b"=").decode()
KEYS = push.Keys(PRIVATE, "rewards@example.com", Client(push.services_policy("127.0.0.1", production=False)))


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Subscriber:
    """What a browser has: its key pair, and the subscription that it gives away."""

    def __init__(self, port: int) -> None:
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encode(point), "auth": encode(self.auth)}
        self.token = orjson.dumps({"endpoint": f"http://127.0.0.1:{port}/push", "keys": keys}).decode()

    def read(self, body: bytes) -> dict[str, str]:
        """The card in a request to the push service."""
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        card: dict[str, str] = orjson.loads(plain)
        return card


def envelope(token: str) -> Envelope:
    return Envelope(
        "ref", token, "You have reached Gold", "text", "<p>", "Gold it is.", "http://localhost/account/loyalty"
    )


def test_the_browser_can_read_the_card_and_the_push_service_cannot(http_sink: HttpSink) -> None:
    browser = Subscriber(http_sink.port)
    assert push.send(envelope(browser.token), KEYS).backend == "webpush"
    (request,) = http_sink.requests
    assert b"Gold" not in request.body
    assert browser.read(request.body)["title"] == "You have reached Gold"
    assert push.public_key(PRIVATE) in request.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, NotAccepted),
        (503, NotAccepted),
        (302, Refused),
        (410, Refused),
        (413, Refused),
        (500, OutcomeUnknown),
        (0, OutcomeUnknown),
    ],
)
def test_only_a_service_that_says_later_is_asked_again(
    http_sink: HttpSink, status: int, outcome: type[Exception]
) -> None:
    http_sink.status = status
    with pytest.raises(outcome):
        push.send(envelope(Subscriber(http_sink.port).token), KEYS)


def test_a_service_that_is_not_there_is_asked_again() -> None:
    with pytest.raises(NotAccepted):
        push.send(envelope(Subscriber(9).token), KEYS)


def test_a_subscription_that_has_ended_is_forgotten(mailing_app: Portal, http_sink: HttpSink) -> None:
    settings = mailing_app.config["SETTINGS"]
    settings.vapid_private_key, settings.push_services = PRIVATE, "127.0.0.1"
    http_sink.status = 410
    address = rise()
    with unit_of_work() as session:
        user = session.scalars(select(User).where(User.email == address)).one()
        user.push_token = Subscriber(http_sink.port).token
        put_preferences(session, user.id, Preferences(True, email=False), ())
    outbox.deliver()
    assert (message().status, message().channel, message().reason) == ("failed", "push", "HTTP 410")
    with unit_of_work() as session:
        assert session.scalar(select(User.push_token).where(User.email == address)) is None


@pytest.mark.parametrize("key", ["short", "not a key at all, by far"])
def test_a_setting_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="VAPID"):
        push.public_key(key)
