"""Calendar arithmetic in the programme's time zone."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def add_months(day: date, months: int) -> date:
    """`day` some months later; from a longer month to a shorter one, its last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last microsecond of `day` in `zone`, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def computed_expiry(earned_at: datetime, months: int, zone: ZoneInfo) -> datetime | None:
    """When points earned at `earned_at` expire: the end of that day `months` later (CONTRACT rule 5); 0: never."""
    if months == 0:
        return None
    return end_of_day(add_months(earned_at.astimezone(zone).date(), months), zone)


def week_of(moment: datetime, zone: ZoneInfo) -> date:
    """The Monday of the ISO week that `moment` falls in, in `zone`."""
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())
