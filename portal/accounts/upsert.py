"""Users as the storefront knows them: created or changed by one call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.accounts.consent import Origin, change_consent, get_consent
from portal.accounts.guards import UserNotFound
from portal.accounts.models import User
from portal.accounts.notices import tell_of_new_addresses
from portal.accounts.profile import document
from portal.accounts.takeover import release_address
from portal.accounts.users import EmailTaken, checked_id, columns_of, insert_user, record_change, unique_email
from portal.accounts.verification import get_first_registration, mark_verified
from portal.core import clock
from portal.core.problems import Forbidden, InvalidInput

CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Grant:
    """When and where a member agreed to marketing messages, as the shop tells it."""

    granted_at: datetime
    source: str


def upsert_user(
    session: Session, user_id: str, changes: dict[str, Any], *, actor: str, over_staff: bool, grant: Grant | None = None
) -> tuple[User, bool]:
    """Create a user or change the given fields of one; the flag says whether this call made them.

    Concurrent calls for a new user make one. The caller vouches for the address: it is verified, and taken over from
    whoever holds it unverified. `marketing_messages` None takes consent back; what the member took back themselves
    stays so unless `grant` is later (CONTRACT-SHOP 9.1). Operators and admins are changed only with `over_staff`: who
    can change an email address can have a password reset sent to it.

    :raises InvalidInput: the id has not an id's form, or the grant is of the future.
    :raises EmailTaken: it is another user's verified address.
    :raises Forbidden: the user is an operator or admin, and `over_staff` is not given.
    """
    if grant is not None and grant.granted_at > clock.now() + CLOCKS_DIFFER:
        raise InvalidInput(("consent.grantedAt", "must not be in the future"))
    user = _lock(session, checked_id(user_id))
    if user is None:
        made = _insert_unless_made(session, user_id, changes, actor)
        if made is not None:
            _change_consent(session, made, {"marketing_messages": None, **changes}, actor, grant)
            record_change(session, actor, "user.create", None, document(session, made))
            return made, True
        user = _lock(session, user_id)  # another call has made them since
    if user is None:
        raise UserNotFound
    if user.role != "member" and not over_staff:
        raise Forbidden("Only an admin may change the account of an operator or admin.")
    _update(session, user, changes, actor, grant)
    return user, False


def _insert_unless_made(session: Session, user_id: str, changes: dict[str, Any], actor: str) -> User | None:
    """The new user; None when another call makes them at the same moment, which may show as its email first."""
    try:
        return insert_user(session, user_id, actor=actor, **changes)
    except EmailTaken:
        if _lock(session, user_id) is None:
            raise
        return None


def _update(session: Session, user: User, changes: dict[str, Any], actor: str, grant: Grant | None) -> None:
    before = document(session, user)
    vouched = _write(session, user, changes, actor)
    consented = _change_consent(session, user, changes, actor, grant)
    if vouched or consented:
        user.updated_at = clock.now()
        session.flush()
        record_change(session, actor, "user.update", before, document(session, user))


def _write(session: Session, user: User, changes: dict[str, Any], actor: str) -> bool:
    """Change columns, and verify an address that is new or was not verified; False when all is so already."""
    changed = {name: value for name, value in columns_of(changes).items() if getattr(user, name) != value}
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
        mark_verified(session, user, get_first_registration(session, user.id))
    return True


def _change_consent(session: Session, user: User, changes: dict[str, Any], actor: str, grant: Grant | None) -> bool:
    """Give or take back consent where the caller says so; whether that changed it."""
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
