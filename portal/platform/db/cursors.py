"""Opaque, signed list cursors, bound to a list, its member and its filters."""

from collections.abc import Sequence
from typing import Any

import orjson
from itsdangerous import BadSignature, URLSafeSerializer

from portal.platform.problems import DomainError
from portal.platform.settings import signer


class InvalidCursor(DomainError):
    """The cursor was edited, or belongs to another list, member or filter."""

    code = "invalid_cursor"
    status = 400
    title = "The cursor is not valid for this list"


def _signer(scope: Sequence[object]) -> URLSafeSerializer:
    salt = orjson.dumps(["cursor", *scope], default=str).decode()
    return signer(salt)


def encode(position: object, *scope: object) -> str:
    """A cursor for `position` (JSON-serialisable) in the list that `scope` names."""
    return str(_signer(scope).dumps(position))


def decode(cursor: str | None, *scope: object) -> Any:
    """The position in `cursor`, or None without one.

    :raises InvalidCursor: if this portal has not made it for this scope.
    """
    if cursor is None:
        return None
    try:
        return _signer(scope).loads(cursor)
    except BadSignature as error:
        raise InvalidCursor from error
