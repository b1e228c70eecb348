"""What a transaction has put in the outbox, remembered on its session until the edge has committed."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

_KEY = "outbox_ids"
_wakers: list[Callable[[list[UUID]], None]] = []


def remember(session: Session, message_ids: list[UUID]) -> None:
    """Note messages whose workers are to be woken after the commit."""
    session.info.setdefault(_KEY, []).extend(message_ids)


def forget(session: Session) -> None:
    """Drop what a rolled-back transaction had noted."""
    session.info.pop(_KEY, None)


def wake(session: Session) -> None:
    """Wake workers for what has been committed; a lost wake-up is made good by the sweeper."""
    message_ids = session.info.pop(_KEY, [])
    if message_ids:
        for waker in _wakers:
            waker(message_ids)


def on_commit(waker: Callable[[list[UUID]], None]) -> None:
    """Register who wakes the workers (once, at start)."""
    if waker not in _wakers:
        _wakers.append(waker)
