"""Connections to mail servers. Within `keep_connections`, one to a server serves all mails of a thread."""

import select
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

STEP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where and as whom: `smtp://user:password@host:port` or `smtps://…` (TLS from the first byte).

    With `smtp://` STARTTLS is demanded, unless the server is on this machine; `clear` (`?tls=none`) does without, and
    never with a password (CONTRACT-SHOP 9.1).
    """

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    clear: bool = False

    @classmethod
    def parse(cls, url: str) -> "Server":
        """The server of an URL.

        :raises ValueError: it names none, or would have a password sent in clear.
        """
        parts = urlsplit(url)
        query = parse_qs(parts.query, keep_blank_values=True)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or query not in ({}, {"tls": ["none"]}):
            raise ValueError("must be smtp://user:password@host:port or smtps://, behind it only ?tls=none")
        tls, clear = parts.scheme == "smtps", bool(query)
        if clear and (tls or (parts.username and not _is_loopback(parts.hostname))):
            raise ValueError("has ?tls=none, with which neither smtps:// nor a password goes")
        port = parts.port or (465 if tls else 587)
        user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
        return cls(parts.hostname, port, user, password, tls, clear)


class _Kept(threading.local):
    connections: dict[Server, smtplib.SMTP] | None = None


_kept = _Kept()


@contextmanager
def keep_connections() -> Iterator[None]:
    """Keep the connections of this thread open from mail to mail, and hang up at the end."""
    connections: dict[Server, smtplib.SMTP] = {}
    _kept.connections = connections
    try:
        yield
    finally:
        _kept.connections = None
        for smtp in connections.values():
            hang_up(smtp)


def take_kept_connection(server: Server) -> smtplib.SMTP | None:
    """This thread's open connection to the server, now the caller's; None without one, or if the server has left it."""
    smtp = _kept.connections.pop(server, None) if _kept.connections else None
    if smtp is None or smtp.sock is None:
        return None
    ear = select.poll()
    ear.register(smtp.sock, select.POLLIN)
    if ear.poll(0):  # a server that speaks unasked says goodbye
        smtp.close()
        return None
    return smtp


def give_back(server: Server, smtp: smtplib.SMTP) -> None:
    """Keep a connection on which all went well for the next mail, or hang up."""
    if _kept.connections is None:
        hang_up(smtp)
    else:
        _kept.connections[server] = smtp


def hang_up(smtp: smtplib.SMTP) -> None:
    """Say goodbye and do not wait for an answer."""
    try:
        smtp.putcmd("quit")
    except (smtplib.SMTPException, OSError):
        return
    finally:
        smtp.close()


def open_connection(server: Server, deadline: float) -> smtplib.SMTP:
    """A connection on which the server has greeted us and knows who we are.

    :raises smtplib.SMTPException, OSError: it does not answer, does not want us, or would have us speak in clear.
    """
    smtp = _connect(server)
    try:
        _at_once(smtp)
        limit(smtp, deadline)
        smtp.ehlo_or_helo_if_needed()
        if not server.tls and not server.clear:
            _encrypt(smtp)
        if server.user:
            limit(smtp, deadline)
            smtp.login(server.user, server.password or "")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _encrypt(smtp: smtplib.SMTP) -> None:
    """Go on by STARTTLS; only a server on this machine need not offer it.

    :raises smtplib.SMTPNotSupportedError: another does not, or somebody between has taken the offer away.
    """
    if smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
    elif smtp.sock is None or not _is_loopback(smtp.sock.getpeername()[0]):
        raise smtplib.SMTPNotSupportedError(
            "the mail server offers no STARTTLS, and nothing is sent to it in clear (EMAIL_URL: smtps:// encrypts from "
            "the start, ?tls=none does without)"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def limit(smtp: smtplib.SMTP, deadline: float) -> None:
    """Let the next step take 10 s, and none go on after the deadline.

    :raises TimeoutError: it has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the server is too slow")
    if smtp.sock is not None:
        smtp.sock.settimeout(min(STEP_SECONDS, left))


def _connect(server: Server) -> smtplib.SMTP:
    if server.tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, _own_name(), timeout=STEP_SECONDS, context=context)
    return smtplib.SMTP(server.host, server.port, _own_name(), timeout=STEP_SECONDS)


@lru_cache(maxsize=1)
def _own_name() -> str | None:
    """What we call ourselves; asked once, as it may take a look-up. Without a full name the library finds another."""
    name = socket.getfqdn()
    return name if "." in name else None


def _at_once(smtp: smtplib.SMTP) -> None:
    """Send the last line without waiting for the server's word on the lines before: it keeps that back for 40 ms."""
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
