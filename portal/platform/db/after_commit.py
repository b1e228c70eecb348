"""Work that begins once its transaction has been committed, and never when it was rolled back.

It hangs on the session's own events, so that nobody who commits or rolls back has to think of it.
"""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

# Is given messages, and whether they are urgent.
Wake = Callable[[list[UUID], bool], None]
_KEY = "after_commit"


def remember(session: Session, message_ids: list[UUID], *, urgent: bool = False) -> None:
    """Note messages whose workers are woken after the commit, unless this transaction or savepoint is rolled back."""
    within = session.get_nested_transaction() or session.get_transaction()
    session.info.setdefault(_KEY, []).append((within, message_ids, urgent))


def forget(session: Session) -> None:
    """Wake nobody for what this transaction has noted so far."""
    session.info.pop(_KEY, None)


def call_after_commit(app: Flask, wake: Wake) -> None:
    """Declare who is told of noted messages once they are committed; one for an application."""
    app.extensions[_KEY] = wake


def listen(sessions: Any) -> None:
    """Follow the commits and rollbacks of these sessions."""
    event.listen(sessions, "after_commit", _committed)
    event.listen(sessions, "after_soft_rollback", _rolled_back)


def _committed(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint was released: nothing is certain yet
        return
    noted = session.info.pop(_KEY, ())
    for urgent in (True, False):
        message_ids = [message_id for _, ids, is_urgent in noted if is_urgent is urgent for message_id in ids]
        if message_ids:
            cast("Wake", current_app.extensions[_KEY])(message_ids, urgent)


def _rolled_back(session: Session, rolled_back: SessionTransaction) -> None:
    noted = [entry for entry in session.info.pop(_KEY, ()) if not _is_within(entry[0], rolled_back)]
    if noted:
        session.info[_KEY] = noted


def _is_within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None and transaction is not outer:
        transaction = transaction.parent
    return transaction is outer
