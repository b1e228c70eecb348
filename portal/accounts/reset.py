"""Forgotten passwords: a link that works once, and a new password that ends every session."""

from datetime import timedelta

from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.notices import Notice, tell
from portal.accounts.passwords import check_password, hash_password, read_reset_token
from portal.accounts.preferences import forget_choices
from portal.accounts.sessions import end_sessions_of, forget_devices_of
from portal.accounts.sign_in import forget_failures_of
from portal.accounts.users import find_by_email
from portal.accounts.verification import get_first_registration, mark_verified
from portal.platform import clock, ids, outbox

RESET_TOPIC = "message.password_reset"


def request_reset(session: Session, email: str) -> None:
    """Enqueue a reset link if the address is a user's, at most once a minute; the caller does not learn whether.

    Every address takes the same steps, so that the time taken reveals nothing either; a worker does the rest.
    """
    user = find_by_email(session, email)
    wanted = user is not None and user.disabled_at is None
    minute = int(clock.now().timestamp()) // 60
    request = f"{user.id}:{minute}" if user is not None and wanted else ids.encode(ids.new_id())
    payload = {"user_id": user.id if user is not None and wanted else None, "request": request}
    outbox.put(session, RESET_TOPIC, [payload], dedupe="request")


def begin_anew(session: Session, user: User) -> None:
    """Drop a user's password and send a link to set one, so that only somebody who reads their mail gets in."""
    drop_password(session, user)
    outbox.put(session, RESET_TOPIC, [{"user_id": user.id, "request": ids.encode(ids.new_id())}], dedupe="request")


def drop_password(session: Session, user: User) -> None:
    """Leave a user without a password, sign them out everywhere and forget their devices."""
    user.password_hash, user.updated_at = None, clock.now()
    _shut_out(session, user)


def find_by_reset_token(session: Session, token: str, minutes: int, *, lock: bool = False) -> User | None:
    """The user of a reset link that still works, under their row lock with `lock`; None if it no longer works."""
    read = read_reset_token(token)
    if read is None or clock.now() - read.made_at > timedelta(minutes=minutes):
        return None
    user = session.get(User, read.user_id, with_for_update=lock or None, populate_existing=True)
    return user if user is not None and user.disabled_at is None and read.fits(user) else None


def set_password(session: Session, token: str, minutes: int, password: str) -> User | None:
    """Give the user of a live reset link a new password; None if the link no longer works.

    All their sessions end, their devices and failed sign-ins are forgotten, and a mail tells them. An unverified
    address is verified now, as the link was mailed to it; what was ticked and set until then is forgotten, as somebody
    else may have registered it. The password is hashed before the user is locked, so that nobody waits for that.

    :raises InvalidInput: if the password cannot be accepted.
    """
    seen = find_by_reset_token(session, token, minutes)
    if seen is None:
        return None
    check_password(password, seen.email or "")
    hashed = hash_password(password)
    user = find_by_reset_token(session, token, minutes, lock=True)
    if user is None:
        return None
    user.password_hash, user.updated_at = hashed, clock.now()
    _shut_out(session, user)
    forget_failures_of(session, user.email or "")
    if user.email_verified_at is None:
        forget_choices(session, user)
        mark_verified(session, user, get_first_registration(session, user.id))
    tell(session, user.id, Notice.PASSWORD_SET)
    return user


def _shut_out(session: Session, user: User) -> None:
    session.flush()
    end_sessions_of(session, user.id)
    forget_devices_of(session, user.id)
