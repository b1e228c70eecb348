"""Moments and days as people and programs write them (CONTRACT 1): RFC 3339 in any offset, days of a time zone."""

import re
from datetime import UTC, datetime

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
