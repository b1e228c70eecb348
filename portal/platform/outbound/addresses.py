"""Which IP addresses may be called."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Closed although `is_global` may allow them: relays into other networks, and blocks that Python's versions disagree on.
_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")
)
# The allocated part of IPv6 is open, except Teredo, ORCHID, documentation and 6to4 inside it.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_UNIQUE_LOCAL_V6 = IPv6Network("fc00::/7")


def parse_address(text: str) -> Address | None:
    """The address written in its usual form (`127.0.0.1`, `::1`), without a zone; None for any other text."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether this is a unicast address of the public internet."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in block for block in _CLOSED_V6)


def is_private(address: Address) -> bool:
    """Whether the address is in a local network: private, shared, link-local or loopback; never an IPv4-mapped one."""
    if isinstance(address, IPv4Address):
        shared = address in _CLOSED_V4[1]
        blocked = address.is_unspecified or address.is_multicast or address.is_reserved or address in _CLOSED_V4[0]
        return (address.is_private or shared) and not blocked
    return address.is_loopback or address.is_link_local or address in _UNIQUE_LOCAL_V6
