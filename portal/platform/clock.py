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


ONE_DAY = timedelta(days=1)
CLOSING_SECOND = timedelta(seconds=1)
FIRST_MOMENT = datetime(MINYEAR, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(MAXYEAR, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def add_months(day: date, months: int) -> date:
    """`day` some months later; from a longer month to a shorter one, its last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The first moment of `day` in `zone`, in UTC, also where clocks change at midnight.

    A day at an end of the calendar begins at the first or last moment that there is.
    """
    try:
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return FIRST_MOMENT if day.year == MINYEAR else LAST_MOMENT


def start_of_next_day(day: date, zone: tzinfo) -> datetime:
    """The moment at which `day` is over in `zone`, in UTC; after the last day of the calendar the last that there is.

    Between the two a day has 23 or 25 hours where clocks change.
    """
    return start_of_day(day + ONE_DAY, zone) if day < date.max else LAST_MOMENT


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The last microsecond of `day` in `zone`, in UTC."""
    return start_of_next_day(day, zone) - timedelta(microseconds=1)


def last_whole_day(end: datetime, zone: tzinfo) -> date:
    """The last day in `zone` that is over at `end` and not before: what "by 4 December" may promise (CONTRACT rule 17).

    An end at 23:59:59, or at any later fraction of that second, is the end of its day.
    """
    return (end + CLOSING_SECOND).astimezone(zone).date() - ONE_DAY


def computed_expiry(earned_at: datetime, months: int, zone: ZoneInfo) -> datetime | None:
    """When points earned at `earned_at` expire: the end of that day `months` later (CONTRACT rule 5); 0: never."""
    if months == 0:
        return None
    return end_of_day(add_months(earned_at.astimezone(zone).date(), months), zone)


def week_of(moment: datetime, zone: ZoneInfo) -> date:
    """The Monday of the ISO week that `moment` falls in, in `zone`."""
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


MOMENT_WORDS = "must be an RFC 3339 time with offset, such as 2024-03-04T12:44:01+00:00"
YEARS = range(1900, 9000)  # whatever the offset, every part can read, write and show such a time
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)  # -23:59 to +23:59, as RFC 3339 has them; PostgreSQL alone would stop at 15:59


def parse_moment(value: str) -> datetime:
    """The moment of an RFC 3339 time, in UTC.

    :raises ValueError: it is none, or one that cannot be kept in UTC.
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

    :raises ValueError: its year is not one that every part can read, write and show.
    """
    if moment.year not in YEARS:
        raise ValueError(_YEARS)
    return moment.astimezone(UTC)


_YEARS = f"must be in the years {YEARS[0]} to {YEARS[-1]}"
