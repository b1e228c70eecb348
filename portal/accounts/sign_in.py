"""Sign-in with a password: failures slow down the place they come from, never the owner (CONTRACT-SHOP 9.1)."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.accounts.contact import clean_email
from portal.accounts.models import LoginFailure, User
from portal.accounts.notices import tell_of_attempts
from portal.accounts.passwords import DEMO_PASSWORD, renewed_hash, verify_hash
from portal.config import Settings
from portal.platform import clock
from portal.platform.db.reads import read_all, read_one
from portal.platform.problems import RateLimited

MAX_EMAIL_LENGTH = 254
LOCK_NOT_AVAILABLE = "55P03"
MAX_PAUSE = 30
# A device that signed in before may fail this many times as often before it is slowed down.
OWNERS_PATIENCE = 10
# Once an account has this many times `max_failures`, every address may fail for it only once.
CROWD = 10


class _Standing(NamedTuple):
    """The failures for an account from a place and the time of the last, those for it from anywhere, and since when
    the place is held up, because too many accounts were tried from it."""

    failures: int
    last_at: datetime | None
    of_account: int
    held_since: datetime | None


class _Known(NamedTuple):
    """A user, their password's hash unless they are disabled, and whether the device is one of theirs."""

    id: str
    password_hash: str | None
    known: bool


@dataclass(frozen=True, slots=True)
class SignInRules:
    """The limits of failures within `window`, and of passwords that a process verifies at once."""

    max_failures: int
    max_accounts: int
    window: timedelta
    at_once: int
    production: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules of these settings; two threads of a web process are left to other requests."""
        window = timedelta(seconds=settings.login_failure_window_seconds)
        at_once = max(1, settings.web_threads - 2)
        return cls(settings.login_max_failures, settings.login_max_accounts, window, at_once, settings.production)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose failures count together: those for an account from an address, or from a device known to the account."""

    account: str
    place: str
    known: bool
    rules: SignInRules

    def demand_no_pause(self, standing: _Standing) -> None:
        """Refuse an attempt during the pause that follows too many failures.

        :raises RateLimited: for 1, 2, 4 … 30 seconds after one failure too many for this account, or for `window` after
            failures for too many accounts.
        """
        now, excess = clock.now(), standing.failures - self.allowance(standing.of_account)
        if excess >= 0 and standing.last_at is not None:
            _refuse_before(standing.last_at + timedelta(seconds=min(MAX_PAUSE, 2 ** min(excess, 10))), now)
        if standing.held_since is not None and not self.known:
            _refuse_before(standing.held_since + self.rules.window, now)

    def allowance(self, of_account: int) -> int:
        """How many failures lead to no pause."""
        if self.known:
            return self.rules.max_failures * OWNERS_PATIENCE
        return 1 if of_account >= self.rules.max_failures * CROWD else self.rules.max_failures

    @property
    def values(self) -> dict[str, object]:
        """The parameters of `_STANDING`."""
        return {
            "account": self.account,
            "place": self.place,
            "since": clock.now() - self.rules.window,
            "accounts": self.rules.max_accounts - 1,
            "crowd": self.rules.max_failures * CROWD,
        }


_USER = text("""
    SELECT u.id, CASE WHEN u.disabled_at IS NULL THEN u.password_hash END AS password_hash, EXISTS (
        SELECT FROM known_devices d WHERE d.user_id = u.id AND d.device_hash = CAST(:device AS bytea)) AS known
    FROM users u WHERE u.email = :account
""")
_STANDING = text("""
    SELECT place.failures, place.last_at,
        (SELECT count(*) FROM (
            SELECT FROM login_failures WHERE email = :account AND at > :since LIMIT :crowd) f) AS of_account,
        (SELECT max(at) FROM login_failures WHERE address = :place AND at > :since
         GROUP BY email ORDER BY 1 DESC OFFSET :accounts LIMIT 1) AS held_since
    FROM (SELECT count(*) AS failures, max(at) AS last_at FROM login_failures
          WHERE email = :account AND address = :place AND at > :since) place
""")


def authenticate(
    session: Session, email: str, password: str, *, address: str, device: bytes | None, rules: SignInRules
) -> User | None:
    """The user with this email and password; None, and a failure recorded, when there is none or they are disabled.

    The password is verified before the transaction begins, so that nobody waits for another's. A lock then serialises
    the failures of an account, so that the outcome is as if attempts came one after the other: one that follows too
    many failures is refused, whether its password is right or wrong. Success deletes the failures from the same place.
    The caller must commit the transaction in either case.

    :raises RateLimited: if the attempt must be repeated later.
    """
    found = read_one(_USER, {"account": _account(email), "device": device}, _Known)
    attempt = _attempt(email, address, device if found is not None and found.known else None, rules)
    attempt.demand_no_pause(read_all(_STANDING, attempt.values, _Standing)[0])
    stored = found.password_hash if found is not None else None
    right, renewed = _verify(stored, password, attempt)
    _take_turn(session, attempt.account, alone=not right)
    standing = _Standing(*session.execute(_STANDING, attempt.values).one())
    attempt.demand_no_pause(standing)
    user = _same_user(session, found.id, stored) if right and found is not None else None
    if user is None:
        _record_failure(session, attempt, standing, found.id if found is not None else None)
        return None
    user.password_hash = renewed or user.password_hash
    _forget(session, LoginFailure.email == attempt.account, LoginFailure.address == attempt.place)
    return user


def forget_failures_of(session: Session, email: str) -> None:
    """Delete all failures of an account."""
    _forget(session, LoginFailure.email == _account(email))


class _Gate:
    """Limits how many threads verify passwords at once, so that some are left for other requests."""

    def __init__(self) -> None:
        self._inside, self._lock = 0, threading.Lock()

    @contextmanager
    def enter(self, most: int) -> Iterator[None]:
        """Take one of `most` places for the duration of the block.

        :raises RateLimited: if all are taken.
        """
        with self._lock:
            if self._inside >= most:
                raise RateLimited(1)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1


_gate = _Gate()


def _verify(stored: str | None, password: str, attempt: Attempt) -> tuple[bool, str | None]:
    """Whether the password is right, and a new hash to store, if it needs one."""
    with nullcontext() if attempt.known else _gate.enter(attempt.rules.at_once):
        right = verify_hash(stored, password) and not (attempt.rules.production and password == DEMO_PASSWORD)
        return right, renewed_hash(stored, password) if right else None


def _attempt(email: str, address: str, device: bytes | None, rules: SignInRules) -> Attempt:
    place = address if device is None else f"device:{device.hex()}"
    return Attempt(_account(email), place, device is not None, rules)


def _account(email: str) -> str:
    """What failures are counted by: the address as it would be stored, or what was typed instead."""
    try:
        return clean_email(email)
    except ValueError:
        return email.strip().lower().replace("\x00", "")[:MAX_EMAIL_LENGTH]


def _take_turn(session: Session, account: str, *, alone: bool) -> None:
    """Lock the account: a failure `alone`, a success shared, so that successes wait for failures, not for each other.

    :raises RateLimited: if the lock is not granted within the lock timeout.
    """
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    try:
        with session.begin_nested():
            session.execute(select(lock(func.hashtextextended(f"sign-in\x1f{account}", 0))))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        raise RateLimited(1) from error


def _same_user(session: Session, user_id: str, stored: str | None) -> User | None:
    """The user whose password was verified; None if it has changed since or they are disabled.

    The lock (FOR KEY SHARE) waits only for FOR UPDATE locks, such as that of a new password being set.
    """
    statement = select(User).where(User.id == user_id, User.password_hash == stored, User.disabled_at.is_(None))
    locked = statement.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
    return session.scalar(locked)


def _record_failure(session: Session, attempt: Attempt, standing: _Standing, user_id: str | None) -> None:
    session.add(LoginFailure(email=attempt.account, address=attempt.place, at=clock.now()))
    session.flush()
    slowed_now = standing.failures + 1 == attempt.rules.max_failures
    if user_id is not None and slowed_now and not attempt.known:
        tell_of_attempts(session, user_id)


def _forget(session: Session, *which: ColumnElement[bool]) -> None:
    session.execute(delete(LoginFailure).where(*which))


def _refuse_before(moment: datetime, now: datetime) -> None:
    if moment > now:
        raise RateLimited(math.ceil((moment - now).total_seconds()))
