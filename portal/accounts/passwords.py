"""Passwords: argon2 hashes, the rules for new ones, and reset links that work once."""

import functools
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from portal.accounts.models import User
from portal.core import clock
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


@dataclass(frozen=True, slots=True)
class ResetToken:
    """What a genuine reset link says; `fits` tells whether it may still be used."""

    user_id: str
    made_at: datetime
    state: str

    def fits(self, user: User) -> bool:
        """Whether the user's password and address are those the link was made for."""
        return self.state == _state(user)


def make_reset_token(user: User) -> str:
    """The secret of a reset link for this user: it dies with a changed password or address, and with time."""
    return str(_signer().dumps([user.id, int(clock.now().timestamp()), _state(user)]))


def read_reset_token(token: str) -> ResetToken | None:
    """What a reset link says; None when this portal has not made it."""
    try:
        user_id, made_at, state = _signer().loads(token)
    except BadSignature:
        return None
    return ResetToken(user_id, datetime.fromtimestamp(made_at, UTC), state)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="password-reset")


def _state(user: User) -> str:
    """What the link is bound to, unreadable from it."""
    return hashlib.sha256(f"{user.password_hash}\x1f{user.email}".encode()).hexdigest()[:32]
