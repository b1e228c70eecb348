"""Users as the storefront knows them: created or changed by one call."""

from typing import Any

from sqlalchemy.orm import Session

from portal.accounts.guards import UserNotFound
from portal.accounts.models import User
from portal.accounts.notices import tell_of_new_addresses
from portal.accounts.profile import document, set_consent
from portal.accounts.users import EmailTaken, checked_id, columns_of, insert_user, record_change, unique_email
from portal.core import clock
from portal.core.problems import Forbidden


def upsert_user(
    session: Session, user_id: str, changes: dict[str, Any], *, actor: str, over_staff: bool
) -> tuple[User, bool]:
    """Create a user or change the given fields of one; the flag says whether this call made them.

    Concurrent calls for a new user make one. `marketing_messages` None takes consent back. Operators and admins are
    changed only with `over_staff`: who can change an email address can have a password reset sent to it.

    :raises InvalidInput: the id has not an id's form.
    :raises EmailTaken: another user has the address.
    :raises Forbidden: the user is an operator or admin, and `over_staff` is not given.
    """
    user = _lock(session, checked_id(user_id))
    if user is None:
        made = _insert_unless_made(session, user_id, changes)
        if made is not None:
            set_consent(session, user_id, given=bool(changes.get("marketing_messages")))
            record_change(session, actor, "user.create", None, document(session, made))
            return made, True
        user = _lock(session, user_id)  # another call has made them since
    if user is None:
        raise UserNotFound
    if user.role != "member" and not over_staff:
        raise Forbidden("Only an admin may change the account of an operator or admin.")
    _update(session, user, changes, actor)
    return user, False


def _insert_unless_made(session: Session, user_id: str, changes: dict[str, Any]) -> User | None:
    """The new user; None when another call makes them at the same moment, which may show as its email first."""
    try:
        return insert_user(session, user_id, **changes)
    except EmailTaken:
        if _lock(session, user_id) is None:
            raise
        return None


def _update(session: Session, user: User, changes: dict[str, Any], actor: str) -> None:
    before = document(session, user)
    changed = {name: value for name, value in columns_of(changes).items() if getattr(user, name) != value}
    consent = bool(changes.get("marketing_messages"))
    if "marketing_messages" in changes and consent != before["marketingMessages"]:
        set_consent(session, user.id, given=consent)
    elif not changed:
        return
    with unique_email(session):
        for name, value in changed.items():
            setattr(user, name, value)
        user.updated_at = clock.now()
    if "email" in changed:
        tell_of_new_addresses(session, {user.id: before["email"]})
    record_change(session, actor, "user.update", before, document(session, user))


def _lock(session: Session, user_id: str) -> User | None:
    return session.get(User, user_id, with_for_update=True, populate_existing=True)
