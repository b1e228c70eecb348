"""The HTTP client for outbound requests: it connects to the very address that was checked, and follows no redirect."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import certifi

from portal.platform.outbound.addresses import Address, parse_address
from portal.platform.outbound.targets import AddressRefused, Policy, Target, check_address, judge

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_LENGTH = 65_536
Resolve = Callable[[str, int], list[str]]


class NotReached(Exception):
    """Nothing was sent: the name is unknown or leads to a forbidden address, or no server answers there."""


class NoAnswer(Exception):
    """Something was sent, but no valid answer came in time."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, its body cut off at 64 kB; fields are as in `requests`, which the client replaces in libraries."""

    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")


def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name, from the system's resolver.

    :raises OSError: if it knows none.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Client:
    """Calls what its policy allows: no redirects, no proxies or passwords from the environment, one look-up only."""

    def __init__(self, policy: Policy, resolve: Resolve = look_up, context: ssl.SSLContext | None = None) -> None:
        self.policy = policy
        self.resolve = resolve
        self.context = context

    def post(
        self,
        url: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answered:
        """Send a body and return the answer, all within `timeout` seconds after the name was looked up.

        :raises AddressRefused: if the policy does not allow the address.
        :raises NotReached: if nothing was sent.
        :raises NoAnswer: if something was sent, but no valid answer came in time.
        """
        target = judge(url, self.policy)
        connection = _Connection(target, self._find(target), self.context or _trust(), timeout)
        timer = threading.Timer(timeout, connection.cut)
        timer.daemon = True
        timer.start()
        try:
            connection.dial()
            return connection.ask("POST", data or b"", headers or {})
        finally:
            timer.cancel()
            connection.close()

    def _find(self, target: Target) -> Address:
        """The address to connect to: the first of the name's addresses that the policy allows."""
        if target.address is not None:
            return target.address
        try:
            found = [parse_address(text) for text in self.resolve(target.host, target.port)]
        except OSError as error:
            raise NotReached("the name is not known") from error
        for address in found:
            with suppress(AddressRefused):
                if address is not None:
                    check_address(address, target, self.policy)
                    return address
        raise NotReached("the name leads to an address that is not public")


class _Connection(http.client.HTTPConnection):
    """A connection to one IP address, in the name of the target's host, which TLS verifies."""

    def __init__(self, target: Target, address: Address, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.default_port = 443 if target.scheme == "https" else 80
        self.auto_open = 0  # reconnecting would look the name up again
        self.target, self.address, self.context = target, address, context
        self.deadline = time.monotonic() + timeout

    def dial(self) -> None:
        """Connect.

        :raises NotReached: if no server answers, or its TLS certificate is not valid for the host.
        """
        try:
            family = socket.AF_INET if self.address.version == 4 else socket.AF_INET6
            self.sock = socket.socket(family, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect((str(self.address), self.target.port))
            if self.target.scheme == "https":
                self.sock = self.context.wrap_socket(
                    self.sock, server_hostname=self.target.host, do_handshake_on_connect=False
                )
                self.sock.do_handshake()
        except OSError as error:
            raise NotReached(f"it was not reached ({type(error).__name__})") from error

    def ask(self, method: str, data: bytes, headers: Mapping[str, str]) -> Answered:
        """Send the request and read the answer.

        :raises NoAnswer: if no valid answer comes in time.
        """
        try:
            self.request(method, self.target.path, data, dict(headers))
            answer = self.getresponse()
            body = answer.read(MAX_ANSWER_LENGTH)
            late = time.monotonic() >= self.deadline
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"the line went dead ({type(error).__name__})") from error
        if late:
            raise NoAnswer("the answer took too long")
        return Answered(answer.status, answer.reason, dict(answer.headers), body)

    def cut(self) -> None:
        """Shut the connection down from another thread: a step that keeps receiving bytes would never time out."""
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The TLS context that trusts the machine's authorities, and certifi's in case the machine has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
