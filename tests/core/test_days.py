"""Calendar arithmetic in the programme's time zone (CONTRACT rule 5)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.core import days

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
    assert days.add_months(day, months) == expected


def test_a_computed_expiry_is_the_end_of_that_day_where_the_programme_is() -> None:
    earned = datetime(2025, 3, 29, 23, 30, tzinfo=UTC)  # already the 30th in Berlin
    assert days.computed_expiry(earned, 12, BERLIN) == datetime(2026, 3, 30, 21, 59, 59, 999999, tzinfo=UTC)


def test_the_day_on_which_clocks_change_ends_when_it_ends() -> None:
    assert days.end_of_day(date(2026, 3, 29), BERLIN) == datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)
    assert days.end_of_day(date(2026, 10, 25), BERLIN) == datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)


def test_no_months_means_never() -> None:
    assert days.computed_expiry(datetime(2026, 1, 1, tzinfo=UTC), 0, BERLIN) is None


def test_a_week_begins_on_monday_where_the_programme_is() -> None:
    sunday_night = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert days.week_of(sunday_night, ZoneInfo("UTC")) == date(2026, 2, 23)
    assert days.week_of(sunday_night, BERLIN) == date(2026, 3, 2)
    assert days.week_of(sunday_night, APIA) == date(2026, 3, 2)


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
    begin, end = days.start_of_day(day, ZoneInfo(zone)), days.start_of_next_day(day, ZoneInfo(zone))
    assert end - begin == timedelta(hours=hours)
    assert days.start_of_day(day + timedelta(days=1), ZoneInfo(zone)) == end


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_calendars_first_and_last_days_have_an_end_too(zone: str) -> None:
    for day in (date.min, date.max):
        assert days.start_of_day(day, ZoneInfo(zone)) < days.start_of_next_day(day, ZoneInfo(zone))
