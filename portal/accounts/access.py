"""What a user may do: their role, and whether they may sign in at all."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import ROLES, AuthSession, User
from portal.accounts.problems import UserNotFound
from portal.accounts.reset import begin_anew
from portal.accounts.sessions import end_session, end_sessions_of
from portal.accounts.tokens import revoke_tokens_of
from portal.accounts.users import create_user, find_by_email
from portal.platform import audit
from portal.platform.audit import Act
from portal.platform.problems import Conflict, InvalidInput, NotFound


class LastAdmin(Conflict):
    """Without this admin nobody could manage roles, tokens and settings."""

    code = "last_admin"
    title = "This is the last admin"


def set_role(session: Session, user_id: str, role: str, act: Act) -> User:
    """Give a user another role; it holds from their next request.

    A member who becomes staff has to set a new password by a mailed link: anybody can have registered with the address,
    so the old password, sessions and known devices are dropped, and only a reader of its mail gets in. Users who lose
    rights are signed out, and the tokens that an admin made are revoked when they are no admin any more.

    :raises InvalidInput: if there is no such role.
    :raises UserNotFound: if there is no such user.
    :raises LastAdmin: if they are the only admin who can sign in.
    """
    if role not in ROLES:
        raise InvalidInput(("role", f"must be one of {', '.join(ROLES)}"))
    user = _locked(session, user_id, keeps_admin=role == "admin")
    if user.role != role:
        before, user.role, user.updated_at = user.role, role, act.now
        session.flush()
        audit.record(
            session,
            act,
            action="user.role",
            object_type="user",
            object_id=user.id,
            before={"role": before},
            after={"role": role},
        )
        _drop_old_access(session, user, before, act)
    return user


def disable_user(session: Session, user_id: str, act: Act) -> User:
    """Keep a user from signing in, end their sessions and revoke the tokens they made.

    :raises UserNotFound: if there is no such user.
    :raises LastAdmin: if they are the only admin who can sign in.
    """
    user = _locked(session, user_id, keeps_admin=False)
    if user.disabled_at is None:
        user.disabled_at = user.updated_at = act.now
        session.flush()
        end_sessions_of(session, user.id)
        _record(session, act, "user.disable", user)
        revoke_tokens_of(session, user.id, replace(act, reason="Who made it can no longer sign in."))
    return user


def enable_user(session: Session, user_id: str, act: Act) -> User:
    """Let a disabled user sign in again.

    :raises UserNotFound: if there is no such user.
    """
    user = _locked(session, user_id, keeps_admin=True)
    if user.disabled_at is not None:
        user.disabled_at, user.updated_at = None, act.now
        session.flush()
        _record(session, act, "user.enable", user)
    return user


def sign_out_user(session: Session, user_id: str, act: Act) -> int:
    """End every sign-in of a user; returns how many there were.

    :raises UserNotFound: if there is no such user.
    """
    user = _locked(session, user_id, keeps_admin=True)
    ended = end_sessions_of(session, user.id)
    audit.record(
        session,
        act,
        action="user.sign_out",
        object_type="user",
        object_id=user.id,
        before={"signIns": ended},
        after={"signIns": 0},
    )
    return ended


def end_sign_in(session: Session, session_id: UUID, act: Act) -> None:
    """End one sign-in; one that has ended stays as it is.

    :raises NotFound: if there is no such sign-in.
    """
    row = session.get(AuthSession, session_id)
    if row is None:
        raise NotFound
    if end_session(session, session_id):
        audit.record(
            session,
            act,
            action="user.sign_out",
            object_type="user",
            object_id=row.user_id,
            before={"signIns": 1},
            after={"signIns": 0},
        )


def _drop_old_access(session: Session, user: User, before: str, act: Act) -> None:
    """Drop the password, sign-ins and tokens that must not survive the change of role (see `set_role`)."""
    if before == "member":
        begin_anew(session, user)
    elif ROLES.index(user.role) < ROLES.index(before):
        end_sessions_of(session, user.id)
    if before == "admin":
        revoke_tokens_of(session, user.id, replace(act, reason="Who made it is no admin any more."))


def _locked(session: Session, user_id: str, *, keeps_admin: bool) -> User:
    """The user under their row lock. Calls that may remove an admin take turns."""
    if not keeps_admin:
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("admins", 0))))
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise UserNotFound
    if not keeps_admin and user.role == "admin" and user.disabled_at is None:
        others = select(User.id).where(User.role == "admin", User.disabled_at.is_(None), User.id != user_id)
        if session.scalar(others.limit(1)) is None:
            raise LastAdmin("This is the last admin. Make somebody else one first.")
    return user


def _record(session: Session, act: Act, action: str, user: User) -> None:
    audit.record(
        session,
        act,
        action=action,
        object_type="user",
        object_id=user.id,
        after={"disabledAt": user.disabled_at},
    )


def add_staff(session: Session, act: Act, *, email: str, name: str, role: str) -> User:
    """Give the user with this address the role, creating them if there is none. New staff start as in `set_role`.

    :raises InvalidInput: if the address or the role cannot be accepted.
    :raises portal.accounts.access.LastAdmin: if it would remove the last admin.
    """
    user = find_by_email(session, email)
    if user is None or user.email_verified_at is None:  # whoever registered the address without confirming it loses it
        user = create_user(session, email=email, name=name or email.partition("@")[0], actor=act.actor)
    return set_role(session, user.id, role, act)
