"""Who runs the programme: people who get a role, and new ones who set their password by a link."""

from sqlalchemy.orm import Session

from portal.accounts.access import set_role
from portal.accounts.models import User
from portal.accounts.users import create_user, find_by_email


def add_staff(session: Session, *, email: str, name: str, role: str, actor: str, reason: str) -> User:
    """Give the user with this address the role; without one, make them. Who was not staff begins as `set_role` says.

    :raises InvalidInput: address or role cannot be accepted.
    :raises portal.accounts.access.LastAdmin: it would take the last admin away.
    """
    user = find_by_email(session, email)
    if user is None or user.email_verified_at is None:  # who registered it and did not confirm it loses it
        user = create_user(session, email=email, name=name or email.partition("@")[0], actor=actor)
    return set_role(session, user.id, role, actor=actor, reason=reason)
