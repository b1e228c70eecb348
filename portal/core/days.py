"""Calendar arithmetic in the programme's time zone."""

import calendar
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

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
