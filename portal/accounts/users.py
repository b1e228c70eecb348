"""Users: made by the storefront, an operator or themselves, changed, and found again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts.addresses import clean_email, normalize_email
from portal.accounts.contact import clean_user_id
from portal.accounts.guards import UserNotFound
from portal.accounts.models import ROLES, User
from portal.accounts.passwords import check_password, hash_password
from portal.accounts.profile import document
from portal.accounts.takeover import release_address
from portal.core import audit, clock, ids
from portal.core.problems import Conflict, InvalidInput
from portal.core.text import plain_line


class EmailTaken(Conflict):
    """Another user has this email address."""

    code = "email_taken"
    title = "Another user has this email address"


class UserIdTaken(Conflict):
    """Another user has this id."""

    code = "user_id_taken"
    title = "Another user has this id"


def create_user(
    session: Session, *, email: str, name: str, user_id: str | None = None, role: str = "member",
    password: str | None = None, actor: str | None = None,
) -> User:  # fmt: skip
    """Make a user whose address the caller vouches for; without `user_id` the portal chooses a ULID. Audited when an
    `actor` makes somebody else.

    Without a password they can set one by the reset link. An address that somebody holds unverified is taken over.

    :raises InvalidInput: email, password, id or role cannot be accepted.
    :raises EmailTaken: another user has the address.
    :raises UserIdTaken: another user has the id.
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
        record_change(session, actor, "user.create", None, document(session, user))
    return user


def get_user(session: Session, user_id: str) -> User:
    """A user by id.

    :raises UserNotFound: no such user.
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
    """The new user, or None when there is one with this id. The actor vouches for the address: it is verified, and
    whoever held it unverified loses it.

    :raises EmailTaken: it is another user's verified address.
    """
    now = clock.now()
    values = {"id": user_id, **columns_of(columns), "created_at": now, "updated_at": now, "email_verified_at": now}
    with unique_email(session):
        release_address(session, columns["email"], to=user_id, actor=actor)
        return session.scalar(insert(User).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(User))


def columns_of(changes: dict[str, Any]) -> dict[str, Any]:
    """The columns of `users` that these changes mean."""
    columns = {name: value for name, value in changes.items() if name != "marketing_messages"}
    if "name" in columns:
        columns["name"] = plain_line(columns["name"])
    if "email" in columns:
        columns["email_normalized"] = normalize_email(columns["email"])
    return columns


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
    """The id, when it has an id's form.

    :raises InvalidInput: it has not.
    """
    try:
        return clean_user_id(user_id)
    except ValueError as error:
        raise InvalidInput(("userId", str(error))) from error


def record_change(
    session: Session, actor: str, action: str, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:  # fmt: skip
    """Add what was done to a user to the audit log."""
    audit.record(
        session, actor=actor, action=action, object_type="user", object_id=after["userId"], before=before, after=after
    )
