"""Users: created by the storefront, an operator or themselves, changed, and looked up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts.contact import clean_email, clean_user_id, normalize_email
from portal.accounts.models import ROLES, User
from portal.accounts.notices import tell_of_new_addresses
from portal.accounts.passwords import check_password, hash_password
from portal.accounts.preferences import Origin, change_consent, describe_consent, get_consent
from portal.accounts.problems import EmailTaken, UserIdTaken, UserNotFound
from portal.accounts.verification import release_address, tell_joined, tell_verified, vouch
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.clock import CLOCKS_DIFFER
from portal.platform.documents import Document
from portal.platform.problems import Forbidden, InvalidInput
from portal.platform.text import plain_line


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    user_id: str | None = None,
    role: str = "member",
    password: str | None = None,
    actor: str | None = None,
) -> User:
    """Create a user whose address the caller vouches for; without `user_id` the portal chooses a ULID.

    Without a password they can set one by the reset link. An address that somebody holds unverified is taken over.
    With an `actor`, the user's creation is written to the audit log.

    :raises InvalidInput: if email, password, id or role cannot be accepted.
    :raises EmailTaken: if it is another user's verified address.
    :raises UserIdTaken: if another user has the id.
    """
    address = _checked_email(email)
    chosen = ids.encode(ids.new_id()) if user_id is None else checked_id(user_id)
    if role not in ROLES:
        raise InvalidInput(("role", f"must be one of {', '.join(ROLES)}"))
    if password is not None:
        check_password(password, address)
    hashed = None if password is None else hash_password(password)
    user = insert_user(
        session, chosen, actor=actor or "system", email=address, name=name, role=role, password_hash=hashed
    )
    if user is None:
        raise UserIdTaken
    if actor is not None:
        record_change(session, actor, "user.create", None, serialize_user(session, user))
    return user


def get_user(session: Session, user_id: str) -> User:
    """A user by id.

    :raises UserNotFound: if there is no such user.
    """
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


def find_by_email(session: Session, email: str) -> User | None:
    """The user with this address, in whatever case it is written."""
    try:
        return session.scalar(select(User).where(User.email == clean_email(email)))
    except ValueError:
        return None


def insert_user(session: Session, user_id: str, *, actor: str, **columns: Any) -> User | None:
    """Insert a user; None if there is one with this id. The actor vouches for the address: it is verified, and
    whoever held it unverified loses it.

    :raises EmailTaken: if it is another user's verified address.
    """
    now = clock.now()
    times = {"created_at": now, "updated_at": now, "email_verified_at": now}
    values = {"id": user_id, **times, **_dated(columns_of(columns))}
    with unique_email(session):
        release_address(session, columns["email"], to=user_id, actor=actor)
        made = insert(User).values(values).on_conflict_do_nothing(index_elements=["id"])
        user = session.scalar(made.returning(User))
    if user is not None:
        tell_verified(session, [(user.id, columns["email"])])
    return user


def columns_of(changes: Document) -> Document:
    """The changes as columns of `users`."""
    columns = {name: value for name, value in changes.items() if name != "marketing_messages"}
    if "name" in columns:
        columns["name"] = plain_line(columns["name"])
    if "email" in columns:
        columns["email_normalized"] = normalize_email(columns["email"])
    return columns


def _dated(columns: Document) -> Document:
    """The columns to write, with when a birthday among them was entered: now."""
    if "birthday" not in columns:
        return columns
    return {**columns, "birthday_set_at": clock.now() if columns["birthday"] else None}


@contextmanager
def unique_email(session: Session) -> Iterator[None]:
    """Turn the database's refusal of a second user with one address into EmailTaken."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) == "uq_users_email":
            raise EmailTaken from error
        raise


def _checked_email(email: str) -> str:
    try:
        return clean_email(email)
    except ValueError as error:
        raise InvalidInput(("email", str(error))) from error


def checked_id(user_id: str) -> str:
    """The id, checked.

    :raises InvalidInput: if it does not have the form of an id.
    """
    try:
        return clean_user_id(user_id)
    except ValueError as error:
        raise InvalidInput(("userId", str(error))) from error


def record_change(session: Session, actor: str, action: str, before: Document | None, after: Document) -> None:
    """Add what was done to a user to the audit log."""
    audit.record(
        session,
        Act(actor, clock.now()),
        action=action,
        object_type="user",
        object_id=after["userId"],
        before=before,
        after=after,
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """When and where a member agreed to marketing messages, as the shop tells it."""

    granted_at: datetime
    source: str


def upsert_user(
    session: Session, user_id: str, changes: Document, *, actor: str, over_staff: bool, grant: Grant | None = None
) -> tuple[User, bool]:
    """Create a user or change the given fields of one; the flag says whether this call made them.

    Concurrent calls for a new user create only one. The caller vouches for the address: it is verified, and taken over
    from whoever holds it unverified. `marketing_messages` None withdraws consent; what the member withdrew themselves
    stays so unless `grant` is later (CONTRACT-SHOP 9.1). Operators and admins are changed only with `over_staff`:
    whoever can change an email address can have a password reset sent to it.

    :raises InvalidInput: if the id does not have the form of an id, or the grant is in the future.
    :raises EmailTaken: if it is another user's verified address.
    :raises Forbidden: if the user is an operator or admin, and `over_staff` is not given.
    """
    if grant is not None and grant.granted_at > clock.now() + CLOCKS_DIFFER:
        raise InvalidInput(("consent.grantedAt", "must not be in the future"))
    user = _lock(session, checked_id(user_id))
    if user is None:
        made = _insert_unless_made(session, user_id, changes, actor)
        if made is not None:
            _change_consent(session, made, {"marketing_messages": None, **changes}, actor, grant)
            record_change(session, actor, "user.create", None, serialize_user(session, made))
            tell_joined(session, made)
            return made, True
        user = _lock(session, user_id)  # another call has made them since
    if user is None:
        raise UserNotFound
    if user.role != "member" and not over_staff:
        raise Forbidden("Only an admin may change the account of an operator or admin.")
    _update(session, user, changes, actor, grant)
    return user, False


def _insert_unless_made(session: Session, user_id: str, changes: Document, actor: str) -> User | None:
    """Insert a user; None if another call creates them at the same moment, which may show first as a taken email."""
    try:
        return insert_user(session, user_id, actor=actor, **changes)
    except EmailTaken:
        if _lock(session, user_id) is None:
            raise
        return None


def _update(session: Session, user: User, changes: Document, actor: str, grant: Grant | None) -> None:
    before = serialize_user(session, user)
    vouched = _write(session, user, changes, actor)
    consented = _change_consent(session, user, changes, actor, grant)
    if vouched or consented:
        user.updated_at = clock.now()
        session.flush()
        record_change(session, actor, "user.update", before, serialize_user(session, user))


def _write(session: Session, user: User, changes: Document, actor: str) -> bool:
    """Change columns, and verify an address that is new or was not verified; False if nothing had to change."""
    changed = _dated({name: value for name, value in columns_of(changes).items() if getattr(user, name) != value})
    unverified, before = user.email_verified_at is None, user.email
    if not changed and not unverified:
        return False
    with unique_email(session):
        release_address(session, changes["email"], to=user.id, actor=actor)
        for name, value in changed.items():
            setattr(user, name, value)
        if "email" in changed:
            user.email_verified_at = clock.now()
            if before is not None and not unverified:
                tell_of_new_addresses(session, {user.id: before})
    if unverified:
        vouch(session, user)
    elif "email" in changed:
        session.flush()
        tell_verified(session, [(user.id, changed["email"])])
    return True


def _change_consent(session: Session, user: User, changes: Document, actor: str, grant: Grant | None) -> bool:
    """Give or withdraw consent if the changes say so; returns whether that changed it."""
    if "marketing_messages" not in changes:
        return False
    origin = Origin.of_caller(actor)
    if grant is not None:
        origin = Origin(origin.source, origin.place, grant.source, grant.granted_at)
    before = get_consent(session, user.id)
    change_consent(session, user.id, bool(changes["marketing_messages"]), origin)
    return before != get_consent(session, user.id)


def _lock(session: Session, user_id: str) -> User | None:
    return session.get(User, user_id, with_for_update=True, populate_existing=True)


def serialize_user(session: Session, user: User) -> Document:
    """A user as the API and the audit log show them; secrets are left out."""
    consent = describe_consent(session, user)
    return {
        "userId": user.id,
        "email": user.email,
        "name": user.name,
        "phoneNumber": user.phone_number,
        "hasPushToken": user.push_token is not None,
        "timezone": user.timezone,
        "locale": user.locale,
        "birthday": user.birthday,
        "marketingMessages": consent["marketing"],
        "role": user.role,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
        "verifiedAt": user.email_verified_at,
        "consent": consent,
        "disabledAt": user.disabled_at,
        "mergedInto": None,
    }
