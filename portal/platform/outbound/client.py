"""One HTTP client for what leaves: the address that was judged is the one that is dialled, and nothing is followed."""

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
    """Nothing was sent: the name is unknown or leads where it must not, or nobody answers there."""


class NoAnswer(Exception):
    """Something was sent, and the answer did not come in time or was none."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, its body cut off at 64 kB; named as `requests` does, whose place the client takes for libraries."""

    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")


def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name, as the system knows them.

    :raises OSError: it knows none.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Client:
    """Calls what its policy allows: no redirects, no proxies or passwords of the environment, no second look-up."""

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
        """Send a body and give the answer, all within `timeout` seconds after the name was looked up.

        :raises AddressRefused: the policy does not allow the address.
        :raises NotReached: nothing was sent.
        :raises NoAnswer: something was.
        """
        target = judge(url, self.policy)
        line = _Line(target, self._find(target), self.context or _trust(), timeout)
        watch = threading.Timer(timeout, line.cut)
        watch.daemon = True
        watch.start()
        try:
            line.dial()
            return line.ask("POST", data or b"", headers or {})
        finally:
            watch.cancel()
            line.close()

    def _find(self, target: Target) -> Address:
        """The one address that is dialled: the first that the name stands for and that may be."""
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


class _Line(http.client.HTTPConnection):
    """A connection to one IP address that asks for, and proves, the target's name."""

    def __init__(self, target: Target, address: Address, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.default_port = 443 if target.scheme == "https" else 80
        self.auto_open = 0  # it would look the name up again
        self.target, self.address, self.context = target, address, context
        self.deadline = time.monotonic() + timeout

    def dial(self) -> None:
        """Connect.

        :raises NotReached: nobody answers, or not as who they should be.
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

        :raises NoAnswer: it did not come in time, or is none.
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
        """Hang up in the middle, from another thread: a step that still gets bytes would never time out."""
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Who is believed: the machine's authorities, and the well-known ones where the machine has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
