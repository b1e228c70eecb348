"""Registration: people ask for an account of their own, and learn nothing about anybody else's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.contact import clean_email, normalize_email
from portal.accounts.models import Registration, User
from portal.accounts.passwords import check_password, hash_password
from portal.accounts.verification import get_first_registration
from portal.config import Settings
from portal.platform import clock, ids, outbox
from portal.platform.documents import Document
from portal.platform.problems import RateLimited
from portal.platform.settings import listeners

REGISTRATION_TOPIC = "message.verify_address"
DAY = timedelta(days=1)
# Event: other domains take notes from a registration's cookies, and get them back once the address is verified.
NOTES = "registration_notes"
# Registered, never confirmed, and never used: no membership has been opened.
ABANDONED = """
    email_verified_at IS NULL AND email IS NOT NULL AND role = 'member' AND created_at < :before
    AND NOT EXISTS (SELECT FROM loyalty_members m WHERE m.user_id = users.id)
"""


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """How long a link lives, and the limits of a day: mails to an address, and attempts by a caller."""

    life: timedelta
    per_address: int
    per_caller: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules of these settings."""
        return cls(
            timedelta(hours=settings.verification_link_hours),
            settings.verification_mails_per_day,
            settings.registrations_per_caller_per_day,
        )


@dataclass(frozen=True, slots=True)
class Applicant:
    """What somebody enters to register, and where they want to go next; `caller` is their network address."""

    name: str
    email: str
    password: str
    consent: bool
    caller: str
    next_page: str = ""
    remembered: dict[str, str] = field(default_factory=dict)


def register(session: Session, applicant: Applicant, rules: RegistrationRules) -> UUID | None:
    """Create an account with an unverified address, or note another attempt at an address that is in use.

    Both cases do the same, answer the same and send one mail: the worker that writes it decides whether it is a link to
    verify, or tells the owner that somebody tried (CONTRACT-SHOP 9.1). Returns the id of the attempt; None if the
    address got `per_address` mails in a day: it then gets no more, and nobody is told.

    :raises InvalidInput: if the password cannot be accepted.
    :raises RateLimited: if the caller has asked `per_caller` times in a day.
    """
    email = clean_email(applicant.email)
    check_password(applicant.password, email)
    hashed = hash_password(applicant.password)
    _take_turns(session, applicant.caller, email)
    _check_pace(session, applicant.caller, rules)
    if _mails_of_day(session, email) >= rules.per_address:
        return None
    user_id, verified = _user_of(session, applicant.name, email, hashed)
    return _note(
        session,
        rules,
        {
            "user_id": user_id,
            "email": email,
            "name": applicant.name,
            "password_hash": None if verified else hashed,
            "consent": applicant.consent,
            "again": False,
            "remembered": applicant.remembered,
            "next_page": applicant.next_page,
            "caller": applicant.caller,
        },
    )


def ask_again(session: Session, email: str, *, caller: str, rules: RegistrationRules) -> UUID | None:
    """Mail another link to an address that waits to be verified; returns the id of the attempt.

    None, and nobody is told, if no user waits, or the address got `per_address` mails in a day.

    :raises RateLimited: if the caller has asked `per_caller` times in a day.
    """
    email = clean_email(email)
    _take_turns(session, caller, email)
    _check_pace(session, caller, rules)
    user = session.scalar(select(User).where(User.email == email, User.email_verified_at.is_(None)))
    if user is None or _mails_of_day(session, email) >= rules.per_address:
        return None
    first = get_first_registration(session, user.id)
    return _note(
        session,
        rules,
        {
            "user_id": user.id,
            "email": email,
            "name": user.name,
            "password_hash": None,
            "consent": first is not None and first.consent,
            "again": True,
            "remembered": first.remembered if first is not None else {},
            "next_page": first.next_page if first is not None else "",
            "caller": caller,
        },
    )


def read_notes(cookies: Mapping[str, str]) -> dict[str, str]:
    """What other domains note from a registration's cookies."""
    return {name: value for note in listeners(NOTES) for name, value in note(cookies).items()}


def _take_turns(session: Session, caller: str, email: str) -> None:
    """Serialise the attempts of a caller, then those at an address, so that the limits hold."""
    for name in (f"caller\x1f{caller}", f"address\x1f{email}"):
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"register\x1f{name}", 0))
        session.execute(select(lock))


def _check_pace(session: Session, caller: str, rules: RegistrationRules) -> None:
    """Refuse a caller with `per_caller` attempts in a day, until the oldest of them is a day ago.

    :raises RateLimited: if there are so many.
    """
    now = clock.now()
    mine = select(Registration.created_at).where(Registration.caller == caller, Registration.created_at > now - DAY)
    filled: datetime | None = session.scalar(
        mine.order_by(Registration.created_at.desc()).offset(rules.per_caller - 1).limit(1)
    )
    if filled is not None:
        raise RateLimited(max(1, round((filled + DAY - now).total_seconds())))


def _mails_of_day(session: Session, email: str) -> int:
    attempts = select(func.count()).where(Registration.email == email, Registration.created_at > clock.now() - DAY)
    return session.scalar(attempts) or 0


def _user_of(session: Session, name: str, email: str, hashed: str) -> tuple[str, bool]:
    """The id of the user with this address, created if there is none, and whether the address is verified."""
    now = clock.now()
    values = {
        "id": ids.encode(ids.new_id()),
        "email": email,
        "email_normalized": normalize_email(email),
        "name": name,
        "password_hash": hashed,
        "created_at": now,
        "updated_at": now,
    }
    statement = insert(User).values(values)
    # Overwrites the address with itself, so that an existing user is returned too, under their row lock.
    statement = statement.on_conflict_do_update(index_elements=["email"], set_={"email": statement.excluded.email})
    user = session.execute(statement.returning(User.id, User.email_verified_at)).one()
    return user.id, user.email_verified_at is not None


def _note(session: Session, rules: RegistrationRules, values: Document) -> UUID:
    """Store an attempt and enqueue its mail."""
    now = clock.now()
    made = Registration(id=ids.new_id(), created_at=now, expires_at=now + rules.life, used_at=None, **values)
    session.add(made)
    session.flush()
    payload = {"registration_id": ids.encode(made.id), "user_id": made.user_id}
    outbox.put(session, REGISTRATION_TOPIC, [payload], dedupe="registration_id")
    return made.id
