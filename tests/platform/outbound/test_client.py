"""The client that leaves: it dials what was judged, once, and follows nothing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.platform.outbound import AddressRefused, Client, NoAnswer, NotReached, Policy
from tests.http_sink import HttpSink, running_http_sink
from tests.platform.outbound.calls import recorded_calls
from tests.sink import free_port
from tests.tls import Certificate, make_certificate

LOCAL = Policy(("127.0.0.1", "localhost"), loopback=True)
NAME = "push.example.com"


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """A server on this machine."""
    with running_http_sink() as started:
        yield started


def answers(*addresses: str) -> tuple[Callable[[str, int], list[str]], list[str]]:
    """A name server that gives one address after the other, and what it was asked."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [addresses[min(len(asked), len(addresses)) - 1]]

    return resolve, asked


@pytest.mark.parametrize(
    "answer",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fe80::1%lo",
        "fd00::1",
        "224.0.0.1",
        "not an address",
    ],
)
def test_a_name_that_leads_inside_is_not_dialled(answer: str) -> None:
    client = Client(Policy((NAME,)), answers(answer)[0])
    with recorded_calls() as calls, pytest.raises(NotReached, match="not public"):
        client.post(f"https://{NAME}/x")
    assert calls == []


def test_of_several_addresses_a_public_one_is_dialled() -> None:
    client = Client(Policy((NAME,)), lambda _host, _port: ["10.0.0.1", "8.8.8.8", "127.0.0.1"])
    with recorded_calls() as calls, pytest.raises((NotReached, NoAnswer)):
        client.post(f"https://{NAME}/x", timeout=0.2)
    assert calls == [("8.8.8.8", 443)]


def test_an_answer_that_changes_after_it_was_judged_is_not_asked_for() -> None:
    resolve, asked = answers("8.8.8.8", "127.0.0.1")
    with recorded_calls() as calls, pytest.raises((NotReached, NoAnswer)):
        Client(Policy((NAME,)), resolve).post(f"https://{NAME}/x", timeout=0.2)
    assert (asked, calls) == ([NAME], [("8.8.8.8", 443)])


def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    proper, other = make_certificate(tmp_path, NAME), make_certificate(tmp_path, "other.example.com")
    with tls_sink(proper) as sink:
        inside = Client(Policy(private=True), answers("127.0.0.1")[0], proper.client())
        assert inside.post(f"https://{NAME}:{sink.port}/x?y=1", b"body").status_code == 201
        (request,) = sink.requests
        assert (request.path, request.headers["Host"], request.body) == ("/x?y=1", f"{NAME}:{sink.port}", b"body")
    with tls_sink(other) as sink:
        for certificate in (proper, other):
            client = Client(Policy(private=True), answers("127.0.0.1")[0], certificate.client())
            with pytest.raises(NotReached, match="SSLCertVerificationError"):
                client.post(f"https://{NAME}:{sink.port}/x")
        assert sink.requests == []


@contextmanager
def tls_sink(certificate: Certificate) -> Iterator[HttpSink]:
    with running_http_sink(tls=certificate.server()) as started:
        yield started


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_like_any_other(sink: HttpSink, status: int) -> None:
    with running_http_sink() as inner:
        sink.status, sink.headers = status, {"Location": f"http://127.0.0.1:{inner.port}/inside"}
        assert Client(LOCAL).post(f"http://127.0.0.1:{sink.port}/x").status_code == status
        assert (len(sink.requests), inner.requests) == (1, [])


def test_the_environment_has_no_say(sink: HttpSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login root password secret\n")
    for name in ("HOME", "NETRC"):
        monkeypatch.setenv(name, str(tmp_path if name == "HOME" else tmp_path / ".netrc"))
    with running_http_sink() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        Client(LOCAL).post(f"http://127.0.0.1:{sink.port}/x")
        assert proxy.requests == []
    assert "Authorization" not in sink.requests[0].headers


def test_an_answer_is_read_to_64_kb(sink: HttpSink) -> None:
    sink.status, sink.body = 200, b"x" * 1_000_000
    assert len(Client(LOCAL).post(f"http://127.0.0.1:{sink.port}/x").content) == 65_536


@pytest.mark.parametrize("drip", [b"", b"H", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_an_answer_that_never_ends_is_given_up_in_time(drip: bytes) -> None:
    with dripping(drip) as port:
        begun = time.monotonic()
        with pytest.raises(NoAnswer):
            Client(LOCAL).post(f"http://127.0.0.1:{port}/x", timeout=1)
        assert time.monotonic() - begun < 5


@contextmanager
def dripping(start: bytes) -> Iterator[int]:
    """A server that answers a byte now and then, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(start)
                for _ in range(100):
                    try:
                        line.sendall(b"1")
                    except OSError:
                        return
                    time.sleep(0.1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_nobody_there_is_told_apart_from_no_answer(sink: HttpSink) -> None:
    with pytest.raises(NotReached):
        Client(LOCAL).post(f"http://127.0.0.1:{free_port()}/x")
    sink.status = 0
    with pytest.raises(NoAnswer):
        Client(LOCAL).post(f"http://127.0.0.1:{sink.port}/x")


def test_an_unknown_name_is_not_reached() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(NotReached, match="not known"):
        Client(Policy((NAME,)), unknown).post(f"https://{NAME}/x")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb"])
def test_a_header_cannot_bring_another(sink: HttpSink, value: str) -> None:
    with pytest.raises(ValueError, match="Invalid header value"):
        Client(LOCAL).post(f"http://127.0.0.1:{sink.port}/x", headers={"X-Title": value})
    assert sink.requests == []


def test_what_the_policy_refuses_is_not_even_looked_up() -> None:
    resolve, asked = answers("8.8.8.8")
    with recorded_calls() as calls, pytest.raises(AddressRefused):
        Client(Policy((NAME,)), resolve).post(f"https://evil.example\\@{NAME}/x")
    assert (asked, calls) == ([], [])
