"""Calendar arithmetic in the programme's time zone (CONTRACT rule 5)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.platform import clock

BERLIN, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 1, 31), 12, date(2026, 1, 31)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
    ],
)
def test_months_end_on_the_last_day_a_shorter_month_has(day: date, months: int, expected: date) -> None:
    assert clock.add_months(day, months) == expected


def test_a_computed_expiry_is_the_end_of_that_day_where_the_programme_is() -> None:
    earned = datetime(2025, 3, 29, 23, 30, tzinfo=UTC)  # already the 30th in Berlin
    assert clock.computed_expiry(earned, 12, BERLIN) == datetime(2026, 3, 30, 21, 59, 59, 999999, tzinfo=UTC)


def test_the_day_on_which_clocks_change_ends_when_it_ends() -> None:
    assert clock.end_of_day(date(2026, 3, 29), BERLIN) == datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)
    assert clock.end_of_day(date(2026, 10, 25), BERLIN) == datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)


def test_no_months_means_never() -> None:
    assert clock.computed_expiry(datetime(2026, 1, 1, tzinfo=UTC), 0, BERLIN) is None


def test_a_week_begins_on_monday_where_the_programme_is() -> None:
    sunday_night = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert clock.week_of(sunday_night, ZoneInfo("UTC")) == date(2026, 2, 23)
    assert clock.week_of(sunday_night, BERLIN) == date(2026, 3, 2)
    assert clock.week_of(sunday_night, APIA) == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Los_Angeles", date(2026, 3, 8), 23),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2026, 3, 8), 23),  # its clocks change at midnight
        ("America/Havana", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Tokyo", date(2026, 3, 8), 24),
    ],
)
def test_a_day_is_as_long_as_it_is_there(zone: str, day: date, hours: float) -> None:
    begin, end = clock.start_of_day(day, ZoneInfo(zone)), clock.start_of_next_day(day, ZoneInfo(zone))
    assert end - begin == timedelta(hours=hours)
    assert clock.start_of_day(day + timedelta(days=1), ZoneInfo(zone)) == end


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_calendars_first_and_last_days_have_an_end_too(zone: str) -> None:
    for day in (date.min, date.max):
        assert clock.start_of_day(day, ZoneInfo(zone)) < clock.start_of_next_day(day, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("end", "zone", "day"),
    [
        ("2026-12-05T23:59:59Z", "America/Los_Angeles", "2026-12-04"),  # 15:59:59 on the 5th
        ("2026-12-05T23:59:59Z", "UTC", "2026-12-05"),
        ("2026-12-05T23:59:59Z", "Europe/Berlin", "2026-12-05"),  # 00:59:59 on the 6th
        ("2026-12-05T23:59:59Z", "Asia/Tokyo", "2026-12-05"),  # 08:59:59 on the 6th
        ("2026-12-05T23:59:59.999999Z", "UTC", "2026-12-05"),
        ("2026-12-06T00:00:00Z", "UTC", "2026-12-05"),
        ("2026-12-05T23:59:58Z", "UTC", "2026-12-04"),
        ("2026-12-06T07:59:59Z", "America/Los_Angeles", "2026-12-05"),
        ("2026-03-09T06:59:59Z", "America/Los_Angeles", "2026-03-08"),  # a day of 23 hours
        ("2026-03-09T07:59:59Z", "America/Los_Angeles", "2026-03-08"),
        ("2026-11-02T06:59:59Z", "America/Los_Angeles", "2026-10-31"),  # 22:59:59 on a day of 25
        ("2026-11-02T07:59:59Z", "America/Los_Angeles", "2026-11-01"),
        ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T21:59:59Z", "Europe/Berlin", "2026-10-24"),
        ("2026-11-01T04:30:00Z", "America/Havana", "2026-10-31"),  # 00:30, before 01:00 becomes 00:00
        ("2026-11-01T05:30:00Z", "America/Havana", "2026-10-31"),  # 00:30 again
    ],
)
def test_the_last_whole_day_is_over_at_the_end_and_not_before(end: str, zone: str, day: str) -> None:
    assert clock.last_whole_day(datetime.fromisoformat(end), ZoneInfo(zone)) == date.fromisoformat(day)
