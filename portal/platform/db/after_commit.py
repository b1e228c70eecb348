"""Work that begins once its transaction has been committed, and never after a rollback.

It listens to the session's own events, so that code that commits or rolls back need not call it.
"""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

# Receives the ids of messages, and whether they are urgent.
Wake = Callable[[list[UUID], bool], None]
_KEY = "after_commit"


def remember(session: Session, message_ids: list[UUID], *, urgent: bool = False) -> None:
    """Note messages whose workers are woken after the commit, unless this transaction or savepoint is rolled back."""
    within = session.get_nested_transaction() or session.get_transaction()
    session.info.setdefault(_KEY, []).append((within, message_ids, urgent))


def forget(session: Session) -> None:
    """Discard what this transaction has noted so far: no worker is woken for it."""
    session.info.pop(_KEY, None)


def call_after_commit(app: Flask, wake: Wake) -> None:
    """Set the function that is called with noted messages once they are committed; one per application."""
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
