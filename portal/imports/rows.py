"""A row of a file of members: each cell is checked and converted to its stored form."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar

from portal.accounts import (
    clean_birthday,
    clean_email,
    clean_locale,
    clean_name,
    clean_phone,
    clean_timezone,
    clean_user_id,
    normalize_email,
)
from portal.ledger import EarningRules
from portal.platform.clock import end_of_day, in_utc, parse_moment
from portal.platform.csv_cells import FORMULA_STARTS, unguard_text
from portal.platform.documents import MAX_POINTS
from portal.platform.formatting import grouped
from portal.platform.text import plain_line

MAX_NAME_LENGTH = 120
MAX_KEY_LENGTH = 200
OPENING = "opening"
_WHOLE = re.compile(r"[0-9]{1,10}")
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_SHOWN = 40
Clean = TypeVar("Clean")
TakeMoment = Callable[[str, Callable[[str], datetime]], datetime | None]


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row as it is staged. None leaves a user's value as it is; `expires_at` None: the points never expire."""

    line: int
    user_id: str
    email: str | None
    email_normalized: str | None
    name: str | None
    phone_number: str | None
    timezone: str | None
    locale: str | None
    birthday: str | None
    marketing_messages: bool | None
    points: int
    expires_at: datetime | None
    row_key: str
    problems: list[str]


def check_row(line: int, cells: dict[str, str] | str, *, now: datetime, rules: EarningRules) -> CheckedRow:
    """Check a row's cells; returns it with all problems found. Other rows and existing users are not considered."""
    if isinstance(cells, str):
        return CheckedRow(line, "", None, None, None, None, None, None, None, None, 0, None, OPENING, [cells])
    problems: list[str] = []

    def take(column: str, clean: Callable[[str], Clean]) -> Clean | None:
        value = unguard_text(cells.get(column, ""))
        if not value:
            return None
        try:
            return clean(_storable(value))
        except ValueError as error:
            problems.append(f"{column}: {error}, and is “{_excerpt(value)}”")
            return None

    user_id = take("user_id", clean_user_id)
    if not cells.get("user_id"):
        problems.append("user_id: is missing")
    email = take("email", _email)
    return CheckedRow(
        line,
        user_id or _excerpt(cells.get("user_id", "")),
        email,
        normalize_email(email) if email else None,
        take("name", _name),
        take("phone_number", clean_phone),
        take("timezone", clean_timezone),
        take("locale", _locale),
        take("birthday", clean_birthday),
        take("marketing_messages", _answer),
        take("points", _points) or 0,
        _expiry(take, cells, now, rules),
        take("row_key", _key) or OPENING,
        problems,
    )


def _expiry(take: TakeMoment, cells: dict[str, str], now: datetime, rules: EarningRules) -> datetime | None:
    given = cells.get("expires_at", "")
    if not given:
        return rules.expiry(now)
    return None if given.lower() == "never" else take("expires_at", lambda value: _moment(value, now, rules))


def _moment(value: str, now: datetime, rules: EarningRules) -> datetime:
    """When points expire: an exact time, or the end of a day in the programme's time zone."""
    day = _DAY.fullmatch(value)
    if not day and _NO_OFFSET.fullmatch(value):
        raise ValueError("needs an offset, such as +00:00")
    try:
        exact = value.replace(" ", "T", 1)  # as spreadsheets write it
        moment = in_utc(end_of_day(date.fromisoformat(value), rules.zone)) if day else parse_moment(exact)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a date such as 2027-12-31, a time with its offset, or never") from error
    if moment <= now:
        raise ValueError("must be in the future")
    return moment


def _email(value: str) -> str:
    if len(value) > 254:
        raise ValueError("is too long")
    return clean_email(_no_formula(value))


def _name(value: str) -> str:
    if len(value) > MAX_NAME_LENGTH:
        raise ValueError(f"must have at most {MAX_NAME_LENGTH} characters")
    if plain_line(value) != value.strip():
        raise ValueError("contains a line break or another character that nobody sees")
    return _no_formula(clean_name(value))


def _key(value: str) -> str:
    if len(value) > MAX_KEY_LENGTH or not value.isprintable():
        raise ValueError(f"must have at most {MAX_KEY_LENGTH} characters that can be printed")
    return _no_formula(value)


def _points(value: str) -> int:
    if not _WHOLE.fullmatch(value) or int(value) > MAX_POINTS:
        raise ValueError(f"must be a whole number from 0 to {grouped(MAX_POINTS)}, without separators")
    return int(value)


def _answer(value: str) -> bool:
    if value.lower() not in _ANSWERS:
        raise ValueError("must be yes or no")
    return _ANSWERS[value.lower()]


@lru_cache(maxsize=512)
def _locale(value: str) -> str:
    return clean_locale(value)


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("contains a character that cannot be stored")
    return value


def _no_formula(value: str) -> str:
    if value.startswith(FORMULA_STARTS):
        raise ValueError(f"begins with {value[0]}, like a formula")
    return value


def _excerpt(value: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in value[: _SHOWN + 1])
    return f"{printable[:_SHOWN]}…" if len(printable) > _SHOWN else printable
