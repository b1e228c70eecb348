"""Ids (ULIDs), and codes to read aloud, without letters and digits that are easily confused."""

import secrets
import threading
from uuid import UUID

from ulid import ULID

from portal.platform import clock

# No object has this id: it stands for a text in a path that is not an id.
NO_ID = UUID(int=0)

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 9


def new_code(length: int = LENGTH) -> str:
    """A random code, e.g. `K7MPX42QD`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


# Crockford's base 32, three digits at a time: pages encode dozens of ids, and the library takes ten times as long.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_TRIPLES = [pair + low for pair in _PAIRS for low in _DIGITS]
_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A new ULID for the current time, greater than every other that this process made in the same millisecond."""
    global _last
    fresh = int(clock.now().timestamp() * 1000) << 80 | secrets.randbits(80)
    with _lock:
        if fresh >> 80 == _last >> 80 and fresh <= _last:
            fresh = _last + 1
        _last = fresh
    return UUID(int=fresh)


def encode(value: UUID) -> str:
    """The 26-character form of an id."""
    high, low = divmod(value.int, 1 << 60)
    return (
        _PAIRS[high >> 60]
        + _TRIPLES[high >> 45 & 32767]
        + _TRIPLES[high >> 30 & 32767]
        + _TRIPLES[high >> 15 & 32767]
        + _TRIPLES[high & 32767]
        + _TRIPLES[low >> 45]
        + _TRIPLES[low >> 30 & 32767]
        + _TRIPLES[low >> 15 & 32767]
        + _TRIPLES[low & 32767]
    )


def parse(text: str) -> UUID | None:
    """The id that this 26-character form encodes; None if `text` is not an id."""
    try:
        return ULID.from_str(text.upper()).to_uuid() if len(text) == 26 else None
    except ValueError:
        return None
