"""Answers that come before the body was read: the next request on the connection never finds it closed unsaid."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from portal.platform.web.application import Portal
from tests import databases

ROOT = Path(__file__).parents[2]
BIG = 200_000
WRITES = 3
ADJUST = "/api/v1/loyalty/members/ann/adjustments"


class Line:
    """A connection that stays open from request to request, as clients with a pool keep it."""

    def __init__(self, port: int) -> None:
        self.port, self.said_close = port, False
        self.opened = 0
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.opened += 1

    def send(self, path: str, body: bytes, *headers: str, chunked: bool = False, version: str = "1.1") -> int:
        """POST; the status of the answer. A connection that is closed unsaid is an error."""
        if self.said_close:
            self.socket.close()
            self._open()
        lines = [f"POST {path} HTTP/{version}", "Host: localhost", "Content-Type: application/json", *headers]
        lines += ["Transfer-Encoding: chunked"] if chunked else [f"Content-Length: {len(body)}"]
        lines += ["Connection: keep-alive"] if version == "1.0" else []
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + framed)
        head, rest = self._until(b"", b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length, head
        while len(rest) < int(length[1]):
            rest += self._more()
        self.said_close = re.search(rb"connection: close", head, re.IGNORECASE) is not None
        return int(head.split()[1])

    def _until(self, got: bytes, end: bytes) -> tuple[bytes, bytes]:
        while end not in got:
            got += self._more()
        head, _, rest = got.partition(end)
        return head, rest

    def _more(self) -> bytes:
        piece = self.socket.recv(65_536)
        if not piece:
            raise ConnectionError("closed without a word")
        return piece


@pytest.fixture(scope="module")
def port(servers: databases.Servers, app: Portal) -> Iterator[int]:
    """The real web server, in front of a database of its own."""
    with _serving(servers, "bodies", RATE_LIMIT_WRITES="100000/minute") as number:
        yield number


@pytest.fixture(scope="module")
def busy_port(servers: databases.Servers, app: Portal) -> Iterator[int]:
    """Another, that lets nobody write more than a few times."""
    with _serving(servers, "busy_bodies", RATE_LIMIT_WRITES=f"{WRITES}/day") as number:
        yield number


@contextmanager
def _serving(servers: databases.Servers, purpose: str, **settings: str) -> Iterator[int]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    environment = {
        **os.environ,
        "DATABASE_URL": servers.create(purpose),
        "REDIS_URL": servers.redis_url,
        "SECRET_KEY": databases.SECRET,
        "PUBLIC_URL": f"http://127.0.0.1:{number}",
        "LOG_LEVEL": "ERROR",
        **settings,
    }
    command = [
        str(Path(sys.executable).with_name("granian")),
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(number),
        "--workers",
        "1",
        "--blocking-threads",
        "4",
        "--no-ws",
        "--log-level",
        "error",
        "wsgi:app",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
        try:
            _wait_for(number)
            yield number
        finally:
            server.terminate()
            server.wait(20)
            servers.drop(purpose)


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the web server does not start")


def test_two_thousand_requests_on_one_connection_never_find_it_closed(port: int) -> None:
    line = Line(port)
    assert {line.send(ADJUST, b"x" * BIG) for _ in range(2_000)} == {401}
    assert line.opened == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (ADJUST, [], 401),
        (ADJUST, ["Authorization: Bearer nonsense"], 401),
        ("/api/v1/loyalty/nothing", [], 404),
        ("/api/v1/loyalty/ledger", [], 405),
        ("/logout", [], 400),
        ("/account/preferences", ["HX-Request: true"], 401),
        ("/account/preferences", [], 303),
        ("/healthz", [], 405),
        ("/static/sw.js", [], 405),
    ],
)
@pytest.mark.parametrize("size", [1, 3_000, BIG])
def test_every_early_answer_leaves_the_connection_as_it_says(
    port: int, path: str, headers: list[str], status: int, size: int, version: str, chunked: bool
) -> None:
    if chunked and version == "1.0":
        return  # there are none in HTTP/1.0
    line = Line(port)
    answers = {line.send(path, b"x" * size, *headers, chunked=chunked, version=version) for _ in range(6)}
    assert answers == {status}
    assert line.opened == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", [ADJUST, "/account/preferences"])
@pytest.mark.parametrize("size", [1, 3_000, BIG, 3_000_000])
def test_who_writes_too_often_is_told_so_on_a_connection_that_is_as_it_says(
    busy_port: int, path: str, size: int, chunked: bool
) -> None:
    line = Line(busy_port)
    answers = [line.send(path, b"x" * size, chunked=chunked) for _ in range(WRITES + 6)]
    assert set(answers[WRITES:]) == {429}
    assert (line.opened > 1) == (size > BIG)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_end_is_not_read_to_its_end(port: int, chunked: bool) -> None:
    line = Line(port)
    for _ in range(4):
        assert line.send(ADJUST, b"x" * 3_000_000, chunked=chunked) == 401
        assert line.said_close


@pytest.mark.parametrize("size", [1_048_577, 1_500_000])
def test_a_body_that_is_too_large_is_refused_and_the_connection_as_it_says(port: int, size: int) -> None:
    line = Line(port)
    answers = {line.send("/login", b"email=" + b"x" * size) for _ in range(4)}
    assert answers <= {400, 413}


def test_who_waits_to_be_asked_for_the_body_is_answered_without_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        head = f"POST {ADJUST} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head.encode())
        answer = client.recv(65_536)
    assert b" 401 " in answer.split(b"\r\n")[0]
    assert re.search(rb"connection: close", answer, re.IGNORECASE)
