"""A thousand push endpoints that somebody made up: none is kept that could make a worker call what it must not."""

import itertools
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.notifications.channels import NotAccepted, Refused, push
from portal.notifications.transports import push_policy
from portal.platform.outbound import Client
from tests.factories.accounts import csrf, make_user, sign_in
from tests.http_sink import HttpSink, running_http_sink
from tests.notifications.test_push import PRIVATE, Subscriber, envelope
from tests.platform.outbound.calls import recorded_calls

URL = "/account/preferences/push"
SCHEMES = [
    "https://",
    "http://",
    "https:\\\\",
    "https:/\\",
    "https:",
    "//",
    "ftp://",
    "file://",
    "gopher://",
    " https://",
]
LISTED = ["fcm.googleapis.com", "web.push.apple.com", "wns2-by3p.notify.windows.com"]
HOSTS = [
    "fcm.googleapis.com",
    "web.push.apple.com",
    "wns2-by3p.notify.windows.com",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fe80::1%25lo]",
    "[::]",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "169.254.169.254",
    "10.0.0.1",
    "100.64.0.1",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "inside.example",
    "ｌｏｃａｌｈｏｓｔ",
    "xn--fcm-0na.googleapis.com",
    "fcm.googleapis.com.evil.example",
    "evil.example",
    "storage.googleapis.com",
    "notify.windows.com",
    "a.b.notify.windows.com",
    "ⓕcm.googleapis.com",
    "fcm.googleapis.com%00.evil.example",
    "fcm%2egoogleapis.com",
]
USERS = [
    "",
    "user@",
    "user:pass@",
    "127.0.0.1\\@",
    "127.0.0.1#@",
    "127.0.0.1?@",
    "127.0.0.1/@",
    "fcm.googleapis.com@",
    "@",
]
TAILS = [
    "",
    "/x",
    "/x\r\nHost: evil.example",
    "/..;/admin",
    "/é",
    "/x#@127.0.0.1",
    "?@127.0.0.1",
    "\\x",
    "/%0d%0a",
    "\t",
]
# What a browser gives, and nothing else, is kept.
KEPT = {f"https://{host}{tail}" for host in LISTED for tail in ("", "/x", "/..;/admin", "/%0d%0a")}


@pytest.fixture(scope="module")
def ears() -> Iterator[list[HttpSink]]:
    """Servers on several addresses of this machine that must hear nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(running_http_sink(host)) for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0")]


@pytest.fixture
def ada(client: FlaskClient, session: Session) -> User:
    """A signed-in member."""
    user = make_user(session)
    sign_in(client, user)
    return user


def endpoints(ears: list[HttpSink]) -> list[str]:
    """A thousand of all combinations, every kept one among them."""
    ports = ["", ":443", ":80", ":0", ":99999", *(f":{ear.port}" for ear in ears)]
    every = itertools.product(SCHEMES, USERS, HOSTS, ports, TAILS)
    made = [f"{scheme}{user}{host}{port}{tail}" for scheme, user, host, port, tail in every]
    return [*sorted(KEPT), *random.Random(9).sample(sorted(set(made) - KEPT), 1000)]


def subscription(endpoint: str) -> str:
    keys = orjson.loads(Subscriber(1).token)["keys"]
    return orjson.dumps({"endpoint": endpoint, "keys": keys}).decode()


def subscribe(client: FlaskClient, token: str) -> Any:
    return client.post(URL, data={"subscription": token, "csrf_token": csrf(client)})


def test_no_made_up_endpoint_is_kept_or_called(
    client: FlaskClient, ada: User, ears: list[HttpSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    def inside(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "10.0.0.1")]
        return [*found, (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", inside)  # every name leads inside
    policy = push_policy(client.application.config["SETTINGS"])
    keys = push.Keys(PRIVATE, "rewards@example.com", Client(policy))
    kept = set()
    with recorded_calls() as calls:
        for endpoint in endpoints(ears):
            token = subscription(endpoint)
            status = subscribe(client, token).status_code
            assert status in (204, 422), endpoint
            if status == 204:
                kept.add(endpoint)
            with pytest.raises(NotAccepted if status == 204 else Refused):
                push.send(envelope(token), keys)  # one that was stored before it was refused
    assert kept == KEPT
    assert calls == []
    assert [ear.requests for ear in ears] == [[], [], []]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "null",
        "[]",
        "{}",
        '"x"',
        "{",
        "1e999",
        '{"endpoint": 1}',
        '{"endpoint": {}, "keys": {}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": []}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": 1, "auth": null}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "' + "k" * 400 + '", "auth": "a"}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "k", "auth": "a"}, "x": "' + "x" * 4096 + '"}',
        "[" * 4000,
        "x" * 400_000,
    ],
)
def test_what_is_no_subscription_is_refused(client: FlaskClient, session: Session, ada: User, token: str) -> None:
    answer = subscribe(client, token)
    assert answer.status_code == 422
    session.refresh(ada)
    assert ada.push_token is None


def test_only_what_is_needed_of_a_subscription_is_kept(client: FlaskClient, session: Session, ada: User) -> None:
    given = orjson.loads(subscription("https://FCM.googleapis.com/x"))
    assert subscribe(client, orjson.dumps({**given, "expirationTime": None, "more": "x"}).decode()).status_code == 204
    session.refresh(ada)
    assert orjson.loads(ada.push_token or "") == {**given, "endpoint": "https://fcm.googleapis.com/x"}
