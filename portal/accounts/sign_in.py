"""Sign-in with a password, paused after too many failures."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from portal.accounts.addresses import clean_email
from portal.accounts.models import LoginFailure, User
from portal.accounts.passwords import verify_password
from portal.accounts.users import find_by_email
from portal.config import Settings
from portal.core import clock
from portal.core.limits import RateLimited

LONGEST_EMAIL = 254
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignInRules:
    """How many failures of an account or an address within which window lead to a pause."""

    max_failures: int
    window: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules of these settings."""
        return cls(settings.login_max_failures, timedelta(seconds=settings.login_failure_window_seconds))


def authenticate(session: Session, email: str, password: str, *, address: str, rules: SignInRules) -> User | None:
    """The user with this email and password; None, and a failure recorded, when there is none or they are disabled.

    Attempts on one account take turns, so that parallel guesses are counted too. Success forgets the account's
    failures. The caller must let the transaction commit in either case.

    :raises RateLimited: too many failures of the account or the address; the password was not looked at.
    """
    account = _account(email)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"sign-in\x1f{account}", 0))))
    _demand_no_pause(session, account, address, rules)
    user = find_by_email(session, email)
    if not verify_password(user, password) or user is None or user.disabled_at is not None:
        session.add(LoginFailure(email=account, address=address, at=clock.now()))
        session.flush()
        return None
    forget_failures_of(session, email)
    return user


def forget_failures_of(session: Session, email: str) -> None:
    """Let an account start again without failures."""
    session.execute(delete(LoginFailure).where(LoginFailure.email == _account(email)))


def _account(email: str) -> str:
    """What failures are counted by: the address as it would be stored, or what was typed instead."""
    try:
        return clean_email(email)
    except ValueError:
        return email.strip().lower().replace("\x00", "")[:LONGEST_EMAIL]


_EARLIEST_COUNTED = text("""
    SELECT greatest(
        (SELECT at FROM login_failures WHERE email = :email AND at > :since ORDER BY at DESC OFFSET :nth LIMIT 1),
        (SELECT at FROM login_failures WHERE address = :address AND at > :since ORDER BY at DESC OFFSET :nth LIMIT 1))
""")


def _demand_no_pause(session: Session, email: str, address: str, rules: SignInRules) -> None:
    """The pause lasts until the oldest failure that fills the count leaves the window."""
    now = clock.now()
    parameters = {"email": email, "address": address, "since": now - rules.window, "nth": rules.max_failures - 1}
    filled: datetime | None = session.scalar(_EARLIEST_COUNTED, parameters)
    if filled is not None:
        raise RateLimited(max(1, round((filled + rules.window - now).total_seconds())))
