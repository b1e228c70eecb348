"""Passwords: argon2 hashes, the rules for new ones, and reset links that work once."""

import functools
import hashlib
import importlib.util
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature

from portal.accounts.models import User
from portal.platform import clock
from portal.platform.problems import InvalidInput
from portal.platform.settings import current_settings, signer
from portal.platform.text import plain_line

PURPOSE = "password-reset"
MIN_LENGTH, MAX_LENGTH = 10, 200
# Printed at every start of a demo: so it is refused in production, and as a new password.
DEMO_PASSWORD = "demo-password-1"  # noqa: S105 - everybody may know it
TOO_EASY = "Many people use this password, so it is tried first. Choose another one."
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its salt and parameters."""
    return _hasher.hash(password)


def verify_hash(stored: str | None, password: str) -> bool:
    """Whether the hash is this password's. Takes the same time without a hash, as for an unknown address."""
    try:
        _hasher.verify(stored or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def verify_password(user: User, password: str) -> bool:
    """Whether this is the user's password."""
    return verify_hash(user.password_hash, password)


def renewed_hash(stored: str | None, password: str) -> str | None:
    """A new hash of a password that has just been verified, if other parameters made the stored one; else None."""
    return hash_password(password) if stored and _hasher.check_needs_rehash(stored) else None


@functools.cache
def _decoy() -> str:
    """The hash of a random password, to spend the same time on unknown addresses."""
    return hash_password(secrets.token_hex())


def check_password(password: str, email: str, field: str = "password") -> None:
    """Refuse a new password that `password_problem` objects to.

    :raises InvalidInput: if it does (422, naming `field`).
    """
    problem = password_problem(password, email)
    if problem:
        raise InvalidInput((field, problem))


def password_problem(password: str, email: str) -> str | None:
    """What is wrong with a new password, in words for the person who chose it; None when nothing is.

    CONTRACT-SHOP 9.1: 10 or more characters (space around them does not count), not among the commonest, not one
    character repeated, neither the address, nor what stands before its @, nor the programme's name.
    """
    seen = _folded(password)
    if len(plain_line(password)) < MIN_LENGTH:
        return f"Use at least {MIN_LENGTH} characters."
    if len(password) > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    if len(set(seen)) == 1:
        return "Use more than one character."
    if seen in _commonest() or seen == DEMO_PASSWORD:
        return TOO_EASY
    if seen in (_folded(email), _folded(email.partition("@")[0])):
        return "Choose something other than your email address."
    if seen == _folded(current_settings().programme_name):
        return "Choose something other than our name."
    return None


def _folded(text: str) -> str:
    """A text as an attacker would guess it: without case, width, spaces and invisible characters."""
    return "".join(unicodedata.normalize("NFKC", plain_line(text)).casefold().split())


@functools.cache
def _commonest() -> frozenset[str]:
    """Of zxcvbn's list of the 30,000 commonest passwords, the thousand that are long enough to be chosen.

    Read on first use, and without importing the library, which would keep 6 MB of other lists in memory.
    """
    library = importlib.util.find_spec("zxcvbn")
    folders = library.submodule_search_locations if library is not None else None
    with (Path((folders or [""])[0]) / "frequency_lists.py").open(encoding="utf-8") as file:
        words = next(line for line in file if '"passwords":' in line).split('"')[3].split(",")
    return frozenset(word for word in words if len(word) >= MIN_LENGTH)


@dataclass(frozen=True, slots=True)
class ResetToken:
    """The content of a genuine reset link."""

    user_id: str
    made_at: datetime
    state: str

    def fits(self, user: User) -> bool:
        """Whether the user's password and address are those the link was made for."""
        return self.state == _state(user)


def make_reset_token(user: User) -> str:
    """The token of a reset link for this user; a changed password or address ends it, and so does time."""
    return str(signer(PURPOSE).dumps([user.id, int(clock.now().timestamp()), _state(user)]))


def read_reset_token(token: str) -> ResetToken | None:
    """The content of a reset link; None if this portal has not made it."""
    try:
        user_id, made_at, state = signer(PURPOSE).loads(token)
    except BadSignature:
        return None
    return ResetToken(user_id, datetime.fromtimestamp(made_at, UTC), state)


def _state(user: User) -> str:
    """A hash of what the link is bound to: the password's hash and the address."""
    return hashlib.sha256(f"{user.password_hash}\x1f{user.email}".encode()).hexdigest()[:32]
