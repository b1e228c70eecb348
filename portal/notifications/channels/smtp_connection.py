"""Connections to mail servers. Within `keep_connections`, a thread sends all mails to a server over one connection."""

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
    """A mail server and our login: `smtp://user:password@host:port` or `smtps://…` (TLS from the first byte).

    With `smtp://` STARTTLS is required, unless the server is on this machine; `clear` (`?tls=none`) sends unencrypted,
    and never a password unless the server is on this machine (CONTRACT-SHOP 9.1).
    """

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    clear: bool = False

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Parse the URL of a server.

        :raises ValueError: if it names no server, or a password would be sent unencrypted.
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
    """Keep the connections of this thread open between mails, and close them at the end."""
    connections: dict[Server, smtplib.SMTP] = {}
    _kept.connections = connections
    try:
        yield
    finally:
        _kept.connections = None
        for smtp in connections.values():
            hang_up(smtp)


def take_kept_connection(server: Server) -> smtplib.SMTP | None:
    """Hand this thread's open connection to the caller; None if there is none, or the server has closed it."""
    smtp = _kept.connections.pop(server, None) if _kept.connections else None
    if smtp is None or smtp.sock is None:
        return None
    poll = select.poll()
    poll.register(smtp.sock, select.POLLIN)
    if poll.poll(0):  # unasked, a server only says goodbye
        smtp.close()
        return None
    return smtp


def give_back(server: Server, smtp: smtplib.SMTP) -> None:
    """Keep a working connection for the next mail, or close it if none are kept."""
    if _kept.connections is None:
        hang_up(smtp)
    else:
        _kept.connections[server] = smtp


def hang_up(smtp: smtplib.SMTP) -> None:
    """Send QUIT and close without waiting for an answer."""
    try:
        smtp.putcmd("quit")
    except (smtplib.SMTPException, OSError):
        return
    finally:
        smtp.close()


def open_connection(server: Server, deadline: float) -> smtplib.SMTP:
    """Open a connection, encrypt it if required, and log in.

    :raises smtplib.SMTPException, OSError: if the server does not answer, refuses us, or does not offer encryption.
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
    """Upgrade the connection by STARTTLS; only a server on this machine need not offer it.

    :raises smtplib.SMTPNotSupportedError: if any other server does not offer it, or the offer was removed on the way.
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
    """Set the timeout of the next step: 10 s, or less if the deadline is nearer.

    :raises TimeoutError: if the deadline has passed.
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
    """Our host name for EHLO; cached, as it may take a DNS look-up. None: it has no domain, and the library chooses."""
    name = socket.getfqdn()
    return name if "." in name else None


def _at_once(smtp: smtplib.SMTP) -> None:
    """Switch off Nagle's algorithm: the last line would wait for an ACK that the server may delay by 40 ms."""
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
