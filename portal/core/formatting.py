"""How figures and times read on a page, in the reader's locale and timezone.

The edge may put the reader's own `display_locale` (such as `de`) and `display_timezone` (such as `Europe/Berlin`)
on `flask.g`; without them pages read in English and in the zone given to `init_app`.
"""

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from flask import Flask, current_app, g

from portal.core import clock, ids

DEFAULT_LOCALE = "en"
MINUS = "\N{MINUS SIGN}"
JUST_NOW = timedelta(seconds=45)


def format_points(amount: int, locale: str = DEFAULT_LOCALE, *, signed: bool = False) -> str:
    """Group the digits of `amount`; with `signed`, say + or − (a true minus sign) before them."""
    digits = format_decimal(abs(amount), locale=_locale(locale))
    if amount < 0:
        return f"{MINUS}{digits}"
    return f"+{digits}" if signed and amount else digits


def format_worth(amount: int, worth: tuple[str, int], locale: str = DEFAULT_LOCALE) -> str:
    """What `amount` points are worth; `worth` is the currency's code and how many points make one unit of it."""
    currency, points_per_unit = worth
    return format_currency(Decimal(amount) / points_per_unit, currency, locale=_locale(locale))


def format_ago(moment: datetime, now: datetime) -> str:
    """Say how far `moment` lies from `now`: "2 hours ago", "in 3 days", "just now"."""
    distance = moment - now
    if abs(distance) < JUST_NOW:
        return "just now"
    return format_timedelta(distance, add_direction=True, locale=DEFAULT_LOCALE)


def format_day(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Name the calendar day of `moment` in `zone`: "Today", "Yesterday", "Monday 4 March", "4 March 2023"."""
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    pattern = "EEEE d MMMM" if day.year == today.year else "d MMMM y"
    return format_date(day, pattern, locale=DEFAULT_LOCALE)


def format_date_in(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Short date for a sentence: "30 Nov", with the year only when it is another one."""
    local = moment.astimezone(zone)
    pattern = "d MMM" if local.year == now.astimezone(zone).year else "d MMM y"
    return format_date(local.date(), pattern, locale=DEFAULT_LOCALE)


def format_exact(moment: datetime, zone: tzinfo) -> str:
    """The exact time with its zone, for hover and for screen readers: "4 March 2024 at 12:44 CET"."""
    shown = format_datetime(moment, "d MMMM y 'at' HH:mm", tzinfo=zone, locale=DEFAULT_LOCALE)
    return f"{shown} {moment.astimezone(zone).tzname()}"


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(DEFAULT_LOCALE)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")


def reader_locale() -> str:
    """The locale the current page is read in."""
    return str(g.get("display_locale") or current_app.extensions["formatting"][1])


def reader_zone() -> tzinfo:
    """The timezone the current page is read in."""
    return _zone(str(g.get("display_timezone") or current_app.extensions["formatting"][0]))


def init_app(
    app: Flask, timezone: str = "UTC", locale: str = DEFAULT_LOCALE, worth: tuple[str, int] = ("EUR", 100)
) -> None:
    """Give templates this module as filters, in the reader's locale and zone or else the programme's."""
    app.extensions["formatting"] = (timezone, locale)
    app.extensions["worth"] = worth
    app.jinja_env.filters.update(
        points=lambda amount: format_points(amount, reader_locale()),
        signed_points=lambda amount: format_points(amount, reader_locale(), signed=True),
        money=lambda amount: format_worth(amount, current_app.extensions["worth"], reader_locale()),
        percent=lambda share: format_percent(share, "0.#%", locale=_locale(reader_locale())),
        ago=lambda moment: format_ago(moment, clock.now()),
        day_label=lambda moment: format_day(moment, clock.now(), reader_zone()),
        short_date=lambda moment: format_date_in(moment, clock.now(), reader_zone()),
        month_label=lambda moment: format_date(
            moment.astimezone(reader_zone()).date(), "MMMM y", locale=DEFAULT_LOCALE
        ),
        local_day=lambda moment: moment.astimezone(reader_zone()).date().isoformat(),
        ulid=ids.encode,
        exact_time=lambda moment: format_exact(moment, reader_zone()),
    )
