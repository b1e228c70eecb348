"""The definition of a signal, and the reader its texts are written for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from babel.dates import format_date

from portal.nudges.rules import NudgeRules
from portal.platform.formatting import DEFAULT_LOCALE, format_points, format_until, time_today

MEMBERS = "{members}"


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a nudge: one sentence, one thing to do, and why it is shown. `path` is a page of this portal."""

    title: str
    body: str
    cta_label: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of a text: figures and dates are written in their locale and time zone."""

    locale: str
    zone: tzinfo
    now: datetime

    def points(self, amount: int) -> str:
        """An amount with its unit: "1,200 points"."""
        return f"{format_points(amount, self.locale)} {'point' if amount == 1 else 'points'}"

    def day(self, moment: str) -> str:
        """The day of a moment (RFC 3339) in their time zone: "30 November", with the year unless it is this year."""
        local = datetime.fromisoformat(moment).astimezone(self.zone)
        same = local.year == self.now.astimezone(self.zone).year
        return format_date(local.date(), "d MMMM" if same else "d MMMM y", locale=DEFAULT_LOCALE)

    def until(self, end: str) -> str:
        """The last whole day before an end (RFC 3339) in their time zone, to follow "by" or "until".

        For an end before today is over it is the time with the date, "16:00 today, 30 November", as a message may be
        read later.
        """
        moment = datetime.fromisoformat(end)
        at = time_today(moment, self.now, self.zone)
        return f"{at} today, {self.day(end)}" if at else format_until(moment, self.now, self.zone, "d MMMM")


Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that causes nudges.

    `causes` is SQL that selects `member_id, causes, facts` for each of `{members}` (an array) who has a cause: the ids
    of the causes, ascending, and the facts for the texts (jsonb; keys that end in `_id` are ids). `members` is SQL that
    selects the `member_id` of everybody who may have a cause, from an index of what is due. Both can use `:now` and the
    parameters of `bounds`. `example` contains made-up facts, for previews.
    """

    name: str
    label: str
    causes: str
    members: str
    words: Callable[[Facts, Reader], Words]
    example: Facts
    bounds: Callable[[NudgeRules, datetime], dict[str, Any]] = field(default=lambda _rules, _now: {})
