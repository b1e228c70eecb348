"""Mails to the owner of an account, so that they learn what somebody else did to it."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal.accounts.models import AccountNotice
from portal.platform import clock, ids, outbox
from portal.platform.documents import Document

NOTICE_TOPIC = "message.account_notice"
PAUSE = timedelta(hours=24)


class Notice(StrEnum):
    """Everything an owner is told of."""

    PASSWORD_SET = "password_set"  # noqa: S105 - no password
    EMAIL_CHANGED = "email_changed"
    NEW_DEVICE = "new_device"
    SIGN_IN_ATTEMPTS = "sign_in_attempts"


def tell(session: Session, user_id: str, notice: Notice, *, browser: str = "", address: str = "") -> None:
    """Tell the owner at the account's address; `browser` and `address` say who did it and where from."""
    _put(session, [{"user_id": user_id, "notice": notice, "email": None, "browser": browser, "address": address}])


def tell_of_new_addresses(session: Session, changed: Mapping[str, str]) -> None:
    """Tell owners, at both addresses, that their address has changed; `changed` are the old ones by user id."""
    told = [(user_id, email) for user_id, old in changed.items() for email in (old, None)]
    _put(
        session,
        [{"user_id": user_id, "notice": Notice.EMAIL_CHANGED, "email": email} for user_id, email in told],
    )


def tell_of_attempts(session: Session, user_id: str) -> None:
    """Tell the owner that somebody keeps trying to sign in as them, at most once in 24 hours."""
    told = select(AccountNotice.id).where(
        AccountNotice.user_id == user_id,
        AccountNotice.notice == Notice.SIGN_IN_ATTEMPTS,
        AccountNotice.at > clock.now() - PAUSE,
    )
    if session.scalar(told.limit(1)) is None:
        tell(session, user_id, Notice.SIGN_IN_ATTEMPTS)


def _put(session: Session, rows: list[Document]) -> None:
    """Store the notices and enqueue their mails; none is sent to an address that nobody has confirmed."""
    if not rows:
        return
    now = clock.now()
    made = [{"id": ids.new_id(), "browser": "", "address": "", **row, "at": now} for row in rows]
    session.execute(insert(AccountNotice), made)
    outbox.put(session, NOTICE_TOPIC, [{"notice_id": ids.encode(row["id"])} for row in made])
