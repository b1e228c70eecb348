"""The one source of time, so that a job can run as of another moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_moved: ContextVar[Callable[[], datetime] | None] = ContextVar("moved_clock", default=None)


def now() -> datetime:
    """The current time, aware, in UTC."""
    moved = _moved.get()
    return moved() if moved else real_now()


def real_now() -> datetime:
    """The current time, also inside `at` and `shifted`."""
    return datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let `now()` answer `moment` (aware) inside the block."""
    if moment.tzinfo is None:
        raise ValueError("the clock moves to aware times only")
    there = moment.astimezone(UTC)
    with _moved_to(lambda: there):
        yield


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Let `now()` be ahead of the real time, or behind it, inside the block; time goes on."""
    with _moved_to(lambda: real_now() + by):
        yield


@contextmanager
def _moved_to(tell: Callable[[], datetime]) -> Iterator[None]:
    token = _moved.set(tell)
    try:
        yield
    finally:
        _moved.reset(token)
