from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from portal.platform import formatting

NOW = datetime(2024, 3, 31, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "locale", "shown"),
    [
        (0, "en", "0"),
        (1_000_000, "en", "1,000,000"),
        (1_234_567, "en-IN", "12,34,567"),
        (1240, "not-a-locale", "1,240"),
        (-60, "en", "−60"),
    ],
)
def test_points_are_grouped_by_the_readers_locale(amount: int, locale: str, shown: str) -> None:
    assert formatting.format_points(amount, locale) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1250, "EUR", "€12.50"),
        (500, "JPY", "¥500"),
        (1234, "KWD", "KWD1.234"),
        (0, "USD", "$0.00"),
        (-5, "EUR", "-€0.05"),
    ],
)
def test_money_has_the_digits_of_its_currency(amount: int, currency: str, shown: str) -> None:
    assert formatting.format_money(amount, currency) == shown


@pytest.mark.parametrize(("day", "shown"), [("02-29", "29 February"), ("12-31", "31 December"), ("01-01", "1 January")])
def test_a_day_of_any_year_is_named_without_it(day: str, shown: str) -> None:
    assert formatting.format_day_of_year(day) == shown


@pytest.mark.parametrize(("amount", "shown"), [(500, "+500"), (-500, "−500"), (0, "0")])
def test_signed_points_say_which_way_they_went(amount: int, shown: str) -> None:
    assert formatting.format_points(amount, "en", signed=True) == shown


@pytest.mark.parametrize(
    ("distance", "shown"),
    [
        (timedelta(seconds=-20), "just now"),
        (timedelta(hours=-2), "2 hours ago"),
        (timedelta(days=3), "in 3 days"),
        (timedelta(minutes=-1), "1 minute ago"),
    ],
)
def test_a_moment_is_told_from_now(distance: timedelta, shown: str) -> None:
    assert formatting.format_ago(NOW + distance, NOW) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2024, 3, 31, 0, 30, tzinfo=UTC), "Today"),
        (datetime(2024, 3, 30, 22, 30, tzinfo=UTC), "Yesterday"),
        (datetime(2024, 3, 30, 23, 30, tzinfo=UTC), "Today"),
        (datetime(2024, 3, 4, 12, 0, tzinfo=UTC), "Monday 4 March"),
        (datetime(2023, 3, 4, 12, 0, tzinfo=UTC), "4 March 2023"),
    ],
)
def test_days_are_the_readers_days_across_the_clock_change(moment: datetime, shown: str) -> None:
    assert formatting.format_day(moment, NOW, BERLIN) == shown


def test_the_exact_time_names_its_zone() -> None:
    assert formatting.format_exact(NOW, BERLIN) == "31 March 2024 at 14:00 CEST"


def test_a_date_in_another_year_says_the_year() -> None:
    assert formatting.format_date_in(NOW, NOW, BERLIN) == "31 Mar"
    assert formatting.format_date_in(datetime(2025, 1, 2, tzinfo=UTC), NOW, BERLIN) == "2 Jan 2025"


def test_a_date_and_its_year_are_the_readers() -> None:
    silvester = datetime(2024, 12, 31, 23, 30, tzinfo=UTC)
    assert formatting.format_date_in(silvester, NOW, BERLIN) == "1 Jan 2025"
    assert formatting.format_date_in(silvester, silvester, BERLIN) == "1 Jan"
    assert formatting.format_date_in(silvester, NOW, UTC) == "31 Dec"


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (datetime(2024, 4, 5, 21, 59, 59, tzinfo=UTC), "5 Apr"),
        (datetime(2024, 4, 5, 21, 30, tzinfo=UTC), "4 Apr"),
        (datetime(2025, 1, 1, 12, tzinfo=UTC), "31 Dec"),
        (datetime(2025, 1, 2, 12, tzinfo=UTC), "1 Jan 2025"),
        (datetime(2024, 4, 1, 21, 30, tzinfo=UTC), "31 Mar"),
        (datetime(2024, 3, 31, 21, 59, 59, tzinfo=UTC), "31 Mar"),
        (datetime(2024, 3, 31, 21, 30, tzinfo=UTC), "23:30 today"),
        (datetime(2024, 3, 31, 13, 59, 59, 999_999, tzinfo=UTC), "16:00 today"),
        (datetime(2024, 3, 31, 11, 0, tzinfo=UTC), "30 Mar"),  # it is over
    ],
)
def test_an_end_is_told_by_the_last_whole_day_before_it_or_by_its_time_today(end: datetime, shown: str) -> None:
    assert formatting.format_until(end, NOW, BERLIN) == shown


@pytest.mark.parametrize(
    ("locale", "points", "worth", "language"),
    [
        ("en", "1,234,567", "€12,345.67", "en"),
        ("en-GB", "1,234,567", "€12,345.67", "en-GB"),
        ("en_IN", "12,34,567", "€12,345.67", "en-IN"),
        ("de", "1,234,567", "€12,345.67", "en"),
        ("de-CH", "1,234,567", "€12,345.67", "en"),
        ("fr", "1,234,567", "€12,345.67", "en"),
        ("sv-SE", "1,234,567", "€12,345.67", "en"),
        ("ar-EG", "1,234,567", "€12,345.67", "en"),
        ("en-DE", "1,234,567", "€12,345.67", "en"),
    ],
)
def test_figures_are_written_as_the_sentences_around_them(locale: str, points: str, worth: str, language: str) -> None:
    app = Flask(__name__)
    formatting.init_app(app, "UTC", locale)

    with app.app_context():
        assert formatting.grouped(1_234_567) == points
        assert formatting.format_worth(1_234_567, ("EUR", 100), locale) == worth
        assert formatting.reader_language() == language
        assert formatting.format_month(NOW.date()) == "Mar 2024"


def test_numbers_outside_any_page_are_grouped_too() -> None:
    assert formatting.grouped(1_234_567) == "1,234,567"
    assert formatting.format_duration(200_000_000) == "2,315 days"
