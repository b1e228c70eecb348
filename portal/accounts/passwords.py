"""Passwords: argon2 hashes, the rules for new ones, and reset links that work once."""

import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.accounts.models import User
from portal.core.problems import InvalidInput

SHORTEST, LONGEST = 10, 200
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its salt and parameters."""
    return _hasher.hash(password)


def verify_password(user: User | None, password: str) -> bool:
    """Whether this is the user's password. Costs the same for nobody and for a user without one.

    A hash made with other parameters is renewed on the user.
    """
    stored = user.password_hash if user is not None else None
    try:
        _hasher.verify(stored or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    if user is None or stored is None:
        return False
    if _hasher.check_needs_rehash(stored):
        user.password_hash = hash_password(password)
    return True


@functools.cache
def _decoy() -> str:
    """A hash of what nobody knows, to spend the same time on unknown addresses."""
    return hash_password(secrets.token_hex())


def check_password(password: str, email: str, field: str = "password") -> None:
    """Refuse a new password that is too short or long, or is the address itself.

    :raises InvalidInput: 422, naming `field`.
    """
    problem = password_problem(password, email)
    if problem:
        raise InvalidInput((field, problem))


def password_problem(password: str, email: str) -> str | None:
    """What is wrong with a new password, in words for the person who chose it; None when nothing is."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if password.strip().casefold() == email.strip().casefold():
        return "Choose something other than your email address."
    return None
