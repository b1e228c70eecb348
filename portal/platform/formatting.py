"""Format numbers and times for pages, in the reader's locale and time zone.

The guards may put the reader's own `display_locale` (such as `en-GB`) and `display_timezone` (such as `Europe/Berlin`)
on `flask.g`; without them pages use the locale and the zone given to `init_app`.

Numbers, days and months are written in the language of the text around them: a locale in a language that we have no
texts in falls back to English, numbers included, so that "1,375 to go" is never written "1.375" next to a shop's
"1.5 points for every euro".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_timedelta
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_decimal_symbol,
)
from flask import Flask, current_app, g, has_app_context, render_template

from portal.platform import clock, ids
from portal.platform.clock import CLOSING_SECOND, last_whole_day

DEFAULT_LOCALE = "en"
LANGUAGES = frozenset({"en"})  # that pages and messages are written in
DECIMAL_POINT = "."
MINUS = "\N{MINUS SIGN}"
LEAP_YEAR = 2000
JUST_NOW = timedelta(seconds=45)
GRAINS = ((172_800, 3600), (7200, 60), (0, 1))  # (from, step) in seconds: hours from two days, minutes from two hours


def format_points(amount: int, locale: str = DEFAULT_LOCALE, *, signed: bool = False) -> str:
    """`amount` with its digits grouped and a true minus sign (−) if negative; with `signed`, + if positive."""
    digits = _digits(abs(amount), locale)
    if amount < 0:
        return f"{MINUS}{digits}"
    return f"+{digits}" if signed and amount else digits


def format_worth(amount: int, worth: tuple[str, int], locale: str = DEFAULT_LOCALE) -> str:
    """What `amount` points are worth in money; `worth` is the currency code and the points per unit of it."""
    currency, points_per_unit = worth
    return format_currency(Decimal(amount) / points_per_unit, currency, locale=_locale(locale))


def format_money(amount: int, currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """An amount in the smallest unit of its currency, as money: "€12.50" for 1250 EUR, "¥500" for 500 JPY."""
    return format_worth(amount, (currency, 10 ** get_currency_precision(currency)), locale)


def grouped(number: int) -> str:
    """A number with its digits grouped in the reader's locale; outside an app context, as in English."""
    return format_points(number, reader_locale() if has_app_context() else DEFAULT_LOCALE)


def format_duration(seconds: float) -> str:
    """How long something took or waits: "0.42 s", "12 s", "3 min", "2 h", "5 days"."""
    for unit, size in (("days", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= size:
            return f"{grouped(round(seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]))} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def format_ago(moment: datetime, now: datetime) -> str:
    """Say how far `moment` lies from `now`: "2 hours ago", "in 3 days", "just now"."""
    distance = moment - now
    if abs(distance) < JUST_NOW:
        return "just now"
    seconds = int(distance.total_seconds())
    step = next(step for least, step in GRAINS if abs(seconds) >= least)
    return _distance(int(seconds / step) * step)


def format_day(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Name the calendar day of `moment` in `zone`: "Today", "Yesterday", "Monday 4 March", "4 March 2023"."""
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    pattern = "EEEE d MMMM" if day.year == today.year else "d MMMM y"
    return _date(day, pattern)


def format_date_in(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Short date for a sentence: "30 Nov", with the year if it is not this year."""
    local = moment.astimezone(zone)
    pattern = "d MMM" if local.year == now.astimezone(zone).year else "d MMM y"
    return _date(local.date(), pattern)


def format_on_day(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """The day of what is to come: "today", "on 12 December", with the year if it is not this year; past: "soon"."""
    if moment <= now:
        return "soon"
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return "today"
    return f"on {_date(day, 'd MMMM' if day.year == today.year else 'd MMMM y')}"


def format_until(end: datetime, now: datetime, zone: tzinfo, pattern: str = "d MMM") -> str:
    """The last whole day before `end`, to follow "by" or "until": "30 Nov", with the year if it is not this year.

    If `end` comes before today is over, the time of day: "16:00 today".
    """
    at = time_today(end, now, zone)
    if at is not None:
        return f"{at} today"
    day = last_whole_day(end, zone)
    return _date(day, pattern if day.year == now.astimezone(zone).year else f"{pattern} y")


def time_today(end: datetime, now: datetime, zone: tzinfo) -> str | None:
    """The time of day of `end` if it is still to come and before the end of today in `zone`, else None."""
    if not now < end or last_whole_day(end, zone) >= now.astimezone(zone).date():
        return None
    return f"{(end + CLOSING_SECOND).astimezone(zone):%H:%M}"


@lru_cache(maxsize=16_384)
def format_exact(moment: datetime, zone: tzinfo) -> str:
    """The exact time with its zone, for hover and for screen readers: "4 March 2024 at 12:44 CET"."""
    local = moment.astimezone(zone)
    return f"{_date(local.date(), 'd MMMM y')} at {local.hour:02}:{local.minute:02} {local.tzname()}"


# Babel's output is cached: the same numbers, days and distances are on every page, and each costs 30 to 70 µs.
@lru_cache(maxsize=16_384)
def _digits(amount: int, locale: str) -> str:
    return format_decimal(amount, locale=_locale(locale))


def format_month(month: date) -> str:
    """The month of this day, for the axis of a plot: "Mar 2026"."""
    return _date(month, "MMM y")


def format_night(night: date) -> str:
    """A night, for the axis of a plot: "3 Mar"."""
    return _date(night, "d MMM")


def format_day_of_year(month_day: str) -> str:
    """A day of any year, given as `MM-DD`: "31 December"."""
    return _date(date.fromisoformat(f"{LEAP_YEAR}-{month_day}"), "d MMMM")


@lru_cache(maxsize=4096)
def _date(day: date, pattern: str) -> str:
    return format_date(day, pattern, locale=DEFAULT_LOCALE)


@lru_cache(maxsize=16_384)
def _distance(seconds: int) -> str:
    return format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=DEFAULT_LOCALE)


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    """The locale if its language is in `LANGUAGES` and it writes 1.5 with a point (not 1,5), else the default."""
    try:
        locale = Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(DEFAULT_LOCALE)
    is_usable = locale.language in LANGUAGES and get_decimal_symbol(locale) == DECIMAL_POINT
    return locale if is_usable else Locale.parse(DEFAULT_LOCALE)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")


def reader_locale() -> str:
    """The locale of the current page's reader."""
    return str(g.get("display_locale") or current_app.extensions["formatting"][1])


def reader_language() -> str:
    """The language tag of the current page, for HTML and scripts: `en`, `en-GB`."""
    return str(_locale(reader_locale())).replace("_", "-")


def reader_zone() -> tzinfo:
    """The time zone of the current page's reader."""
    return _zone(str(g.get("display_timezone") or current_app.extensions["formatting"][0]))


def render_for(locale: str | None, timezone: str | None, template: str, **values: Any) -> str:
    """Render a template for a reader who is not the caller, in their formats; None: in the programme's."""
    with _read_in(locale, timezone):
        return render_template(template, **values)


@contextmanager
def _read_in(locale: str | None, timezone: str | None) -> Iterator[None]:
    before = g.get("display_locale"), g.get("display_timezone")
    g.display_locale, g.display_timezone = locale, timezone
    try:
        yield
    finally:
        g.display_locale, g.display_timezone = before


def init_app(
    app: Flask, timezone: str = "UTC", locale: str = DEFAULT_LOCALE, worth: tuple[str, int] = ("EUR", 100)
) -> None:
    """Register these formats as template filters, in the reader's locale and zone, else the programme's."""
    app.extensions["formatting"] = (timezone, locale)
    app.extensions["worth"] = worth
    app.jinja_env.globals["reader_language"] = reader_language
    app.jinja_env.filters.update(
        points=lambda amount: format_points(amount, reader_locale()),
        signed_points=lambda amount: format_points(amount, reader_locale(), signed=True),
        money=lambda amount: format_worth(amount, current_app.extensions["worth"], reader_locale()),
        price=lambda amount, currency: format_money(amount, currency, reader_locale()),
        percent=lambda share: format_percent(share, "0.#%", locale=_locale(reader_locale())),
        duration=format_duration,
        ago=lambda moment: format_ago(moment, clock.now()),
        day_label=lambda moment: format_day(moment, clock.now(), reader_zone()),
        until=lambda end: format_until(end, clock.now(), reader_zone()),
        night=format_night,
        day_of_year=format_day_of_year,
        short_date=lambda moment: format_date_in(moment, clock.now(), reader_zone()),
        on_day=lambda moment: format_on_day(moment, clock.now(), reader_zone()),
        month_label=lambda moment: _date(moment.astimezone(reader_zone()).date(), "MMMM y"),
        local_day=lambda moment: moment.astimezone(reader_zone()).date().isoformat(),
        ulid=ids.encode,
        exact_time=lambda moment: format_exact(moment, reader_zone()),
    )
