"""Which URLs may be called: a URL is parsed once and checked against a policy; from then on only its parts are used."""

import re
from dataclasses import dataclass

from portal.platform.outbound.addresses import Address, is_private, is_public, parse_address

MAX_URL_LENGTH = 2048
_PORTS = {"http": 80, "https": 443}
# Only what all URL parsers read in the same way: no `@`, no `\`, no `%` in a host and no fragments.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[!$%&'()*+,./0-9:;=A-Z_a-z~-]*)?(?:\?[!$%&'()*+,./0-9:;=?A-Z_a-z~-]*)?)",
    re.ASCII,
)
_AUTHORITY = re.compile(r"[A-Za-z]+://[^/?]*")
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
# A last label that some parsers read as the end of an IPv4 address (127.1, 0x7f000001).
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)


class AddressRefused(ValueError):
    """An address that must not be called; the message says why, without the address."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a caller may reach; by default any host of the public internet, by https.

    `hosts`, if given, are the only ones allowed, `*.` standing for one label (then without a port or an IP address);
    `loopback` also allows this machine, by http too; `private` also allows local networks.
    """

    hosts: tuple[str, ...] | None = None
    loopback: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `address` is the IP address it is written with, if any; `local`: on this machine."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None
    local: bool

    @property
    def url(self) -> str:
        """The URL, built from the parsed parts."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def judge(url: str, policy: Policy) -> Target:
    """The target of a URL that the policy allows. No name is looked up: the client checks the addresses of a name.

    :raises AddressRefused: if the policy does not allow it.
    """
    target, port_given = _read(url)
    if policy.hosts is not None and not any(_covers(pattern, target.host) for pattern in policy.hosts):
        raise AddressRefused("is at a host that is not on the list")
    if target.local and policy.loopback:
        return target
    if target.scheme != "https":
        raise AddressRefused("must begin with https://")
    if policy.hosts is not None and (port_given or target.address is not None):
        raise AddressRefused("must name a host, and no port")
    if target.address is not None:
        check_address(target.address, target, policy)
    elif target.local and not policy.private:
        raise AddressRefused("is an address of this machine")
    return target


def check_address(address: Address, target: Target, policy: Policy) -> None:
    """Check an IP address that is to be called for the target.

    :raises AddressRefused: if the policy does not allow it.
    """
    if target.local and policy.loopback:
        allowed = address.is_loopback
    else:
        allowed = is_public(address) or (policy.private and is_private(address))
    if not allowed:
        raise AddressRefused("leads to an address that is not public")


def _read(url: str) -> tuple[Target, bool]:
    """The target as written in the URL, not yet checked, and whether it names a port."""
    if len(url) > MAX_URL_LENGTH:
        raise AddressRefused(f"must not be longer than {MAX_URL_LENGTH} characters")
    lowered = _AUTHORITY.sub(lambda start: start[0].lower(), url, count=1)
    found = _URL.fullmatch(lowered) if url.isascii() else None  # some other letters become ASCII in lower case
    if found is None:
        raise AddressRefused("must be an https:// address of letters, digits and plain signs")
    host, scheme = found["host"].strip("[]"), found["scheme"]
    port = int(found["port"] or _PORTS[scheme])
    address = parse_address(host)
    if address is None and not _is_name(host):
        raise AddressRefused("has no proper host name")
    if not 1 <= port <= 65535:
        raise AddressRefused("has no possible port")
    local = host == "localhost" or (address is not None and address.is_loopback)
    return Target(scheme, host, port, found["path"] or "/", address, local), found["port"] is not None


def _is_name(host: str) -> bool:
    return len(host) <= 253 and _NAME.fullmatch(host) is not None and not _NUMBER.fullmatch(host.rpartition(".")[2])


def _covers(pattern: str, host: str) -> bool:
    if not pattern.startswith("*."):
        return host == pattern
    label, _, rest = host.partition(".")
    return bool(label) and rest == pattern[2:]
