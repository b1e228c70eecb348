"""The one source of time, so that a job can run as of another moment."""

import calendar
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

_moved: ContextVar[Callable[[], datetime] | None] = ContextVar("moved_clock", default=None)


def now() -> datetime:
    """The current time, aware, in UTC."""
    moved = _moved.get()
    return moved() if moved else real_now()


def real_now() -> datetime:
    """The real current time, even inside `at` and `shifted`."""
    return datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Make `now()` return `moment` (aware) inside the block."""
    if moment.tzinfo is None:
        raise ValueError("the clock moves to aware times only")
    fixed = moment.astimezone(UTC)
    with _moved_to(lambda: fixed):
        yield


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Make `now()` run ahead of the real time by `by` (behind it, if negative) inside the block; time goes on."""
    with _moved_to(lambda: real_now() + by):
        yield


@contextmanager
def _moved_to(source: Callable[[], datetime]) -> Iterator[None]:
    token = _moved.set(source)
    try:
        yield
    finally:
        _moved.reset(token)


ONE_DAY = timedelta(days=1)
# How far the clock of somebody who tells us a time may be ahead of ours.
CLOCKS_DIFFER = timedelta(minutes=5)
CLOSING_SECOND = timedelta(seconds=1)
FIRST_MOMENT = datetime(MINYEAR, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(MAXYEAR, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, or the last day of that month if it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The first moment of `day` in `zone`, in UTC, even where clocks change at midnight.

    Outside the range of `datetime` it is the first or last moment of that range.
    """
    try:
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return FIRST_MOMENT if day.year == MINYEAR else LAST_MOMENT


def start_of_next_day(day: date, zone: tzinfo) -> datetime:
    """The first moment after `day` in `zone`, in UTC; for `date.max`, the last moment of `datetime`.

    A day has 23 or 25 hours where clocks change.
    """
    return start_of_day(day + ONE_DAY, zone) if day < date.max else LAST_MOMENT


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The last microsecond of `day` in `zone`, in UTC."""
    return start_of_next_day(day, zone) - timedelta(microseconds=1)


def last_whole_day(end: datetime, zone: tzinfo) -> date:
    """The last day in `zone` that has ended by `end`: what "by 4 December" may promise (CONTRACT rule 17).

    An `end` at 23:59:59, or later in that second, counts as the end of its day.
    """
    return (end + CLOSING_SECOND).astimezone(zone).date() - ONE_DAY


def computed_expiry(earned_at: datetime, months: int, zone: ZoneInfo) -> datetime | None:
    """When points earned at `earned_at` expire: the end of that day `months` later (CONTRACT rule 5); None for 0."""
    if months == 0:
        return None
    return end_of_day(add_months(earned_at.astimezone(zone).date(), months), zone)


def week_of(moment: datetime, zone: ZoneInfo) -> date:
    """The Monday of the ISO week that `moment` falls in, in `zone`."""
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


MOMENT_WORDS = "must be an RFC 3339 time with offset, such as 2024-03-04T12:44:01+00:00"
YEARS = range(1900, 9000)  # every component can read, write and show a time in these years, with any offset
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)  # offsets from -23:59 to +23:59, as in RFC 3339; PostgreSQL itself stops at 15:59


def parse_moment(value: str) -> datetime:
    """The moment of an RFC 3339 time, in UTC.

    :raises ValueError: if `value` is not such a time, or its year is not in `YEARS`.
    """
    if not _RFC3339.fullmatch(value):
        raise ValueError(MOMENT_WORDS)
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError("must be a day and a time that there is") from error
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """An aware time in UTC.

    :raises ValueError: if its year is not in `YEARS`.
    """
    if moment.year not in YEARS:
        raise ValueError(_YEARS)
    return moment.astimezone(UTC)


_YEARS = f"must be in the years {YEARS[0]} to {YEARS[-1]}"
