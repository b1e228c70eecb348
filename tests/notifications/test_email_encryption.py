"""Mail leaves encrypted, or not at all: whatever the server, or somebody before it, offers."""

import base64
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from aiosmtpd.controller import Controller

from portal.notifications.channels import Envelope, NotAccepted, email
from portal.notifications.channels.smtp_connection import Server
from portal.platform import outbox
from portal.platform.web.application import Portal
from tests.databases import Servers, make_app
from tests.notifications.test_tier_upgrade import message, rise
from tests.sink import Sink, free_port
from tests.tls import make_certificate

LETTER = Envelope("ref", "ada@example.com", "Your link", "secret-link", "<p>secret-link", "Hi.", "http://localhost/")
SENDER = "rewards@example.com"
PASSWORD = "correct-horse"


def own_address() -> str:
    """An address of this machine that is no loopback address."""
    every = (found for cards in psutil.net_if_addrs().values() for found in cards if found.family == socket.AF_INET)
    return next(found.address for found in every if not found.address.startswith("127."))


@dataclass
class Ear:
    """What somebody in the middle hears, who answers STARTTLS in a way of their own."""

    host: str
    port: int
    offers: bool
    answer: bytes
    heard: bytearray = field(default_factory=bytearray)

    @property
    def url(self) -> str:
        """What EMAIL_URL says, with a password."""
        return f"smtp://shop:{PASSWORD}@{self.host}:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        """Talk to all who come, as a mail server does, and note every line."""
        with listener:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), line, line.makefile("rb") as lines:
                    self._talk(line, lines)

    def _talk(self, line: socket.socket, lines: Iterable[bytes]) -> None:
        line.sendall(b"220 mail.example.com\r\n")
        extensions = [b"250-mail.example.com", *([b"250-STARTTLS"] if self.offers else []), b"250 AUTH PLAIN LOGIN"]
        answers = {b"EHLO": b"\r\n".join(extensions), b"STAR": self.answer, b"QUIT": b"221 bye", b"DATA": b"354 go on"}
        inside = False
        for command in lines:
            self.heard.extend(command)
            inside = command.upper() == b"DATA\r\n" or (inside and command != b".\r\n")
            if inside and command.upper() != b"DATA\r\n":
                continue
            line.sendall(answers.get(bytes(command[:4].upper()), b"250 OK") + b"\r\n")


@contextmanager
def listening(host: str, *, offers: bool, answer: bytes = b"220 go ahead") -> Iterator[Ear]:
    listener = socket.create_server((host, 0))
    ear = Ear(host, listener.getsockname()[1], offers, answer)
    threading.Thread(target=ear.serve, args=(listener,), daemon=True).start()
    try:
        yield ear
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        (False, b"220 go ahead"),
        (True, b"454 TLS not available"),
        (True, b"502 no such command"),
        (True, b"220 go ahead\r\n250 but in clear"),
    ],
    ids=["taken away", "not now", "unknown", "pretended"],
)
def test_nothing_is_said_in_clear_to_a_server_elsewhere(offers: bool, answer: bytes) -> None:
    with listening(own_address(), offers=offers, answer=answer) as ear:
        for url in (ear.url, ear.url.replace(f"shop:{PASSWORD}@", "")):
            with pytest.raises(NotAccepted):
                email.send(LETTER, Server.parse(url), SENDER)
    heard = bytes(ear.heard)
    assert b"ehlo" in heard.lower()
    for secret in (b"AUTH", b"MAIL", b"RCPT", PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), b"secret-link"):
        assert secret not in heard


def test_the_reason_says_what_to_change() -> None:
    with (
        listening(own_address(), offers=False) as ear,
        pytest.raises(NotAccepted, match=r"offers no STARTTLS.*smtps://"),
    ):
        email.send(LETTER, Server.parse(ear.url), SENDER)


def test_without_a_password_the_shop_may_choose_to_speak_in_clear() -> None:
    with listening(own_address(), offers=False) as ear:
        url = f"smtp://{ear.host}:{ear.port}?tls=none"
        assert email.send(LETTER, Server.parse(url), SENDER).backend == "smtp"
    assert b"secret-link" in ear.heard


def test_a_server_on_this_machine_needs_no_encryption(sink: Sink) -> None:
    for host in ("127.0.0.1", "localhost"):
        email.send(LETTER, Server.parse(f"smtp://{host}:{sink.port}"), SENDER)
    assert len(sink.mails) == 2


@contextmanager
def encrypting(host: str, folder: Path, name: str) -> Iterator[tuple[Sink, Path]]:
    """A server that takes mail by STARTTLS only, and the certificate that it shows."""
    certificate = make_certificate(folder, name)
    sink = Sink()
    sink.port = free_port()
    controller = Controller(
        sink, hostname=host, port=sink.port, tls_context=certificate.server(), require_starttls=True
    )
    controller.start()
    try:
        yield sink, certificate.chain
    finally:
        controller.stop()


def test_with_starttls_the_mail_arrives_when_the_certificate_is_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = own_address()
    with encrypting(host, tmp_path, host) as (sink, chain):
        server = Server.parse(f"smtp://{host}:{sink.port}")
        with pytest.raises(NotAccepted, match="CERTIFICATE_VERIFY_FAILED"):
            email.send(LETTER, server, SENDER)
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        email.send(LETTER, server, SENDER)
        assert len(sink.mails) == 1
    with encrypting(host, tmp_path, "other.example.com") as (sink, chain):
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        with pytest.raises(NotAccepted, match="CERTIFICATE_VERIFY_FAILED"):
            email.send(LETTER, Server.parse(f"smtp://{host}:{sink.port}"), SENDER)
        assert sink.mails == []


@pytest.mark.parametrize(
    "url",
    [
        "smtp://shop:pw@mail.example.com?tls=none",
        "smtp://shop@mail.example.com?tls=none",
        "smtp://shop:pw@192.0.2.7:25?tls=none",
        "smtps://mail.example.com?tls=none",
        "smtp://mail.example.com?tls=no",
        "smtp://mail.example.com?tls=",
        "smtp://mail.example.com?starttls=0",
        "smtp://mail.example.com?tls=none&tls=none",
    ],
)
def test_a_setting_that_would_send_a_password_in_clear_or_says_nothing_known_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="tls=none"):
        Server.parse(url)


def test_the_worker_puts_the_message_off_and_keeps_the_reason(servers: Servers, app: Portal) -> None:
    with listening(own_address(), offers=False) as ear:
        application = make_app(servers, servers.create("clear"), email_url=ear.url)
        with application.app_context():
            rise()
            outbox.deliver()
            assert message().status == "deferred"
            assert "offers no STARTTLS" in message().reason
            application.extensions["sqlalchemy"].engine.dispose()
            application.extensions["reads"].dispose()
    servers.drop("clear")
    assert b"AUTH" not in ear.heard
