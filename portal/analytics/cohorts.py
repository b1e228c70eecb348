"""Cohorts: of the members who joined in a month, how many came back in each month since."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portal.analytics.months import months_between
from portal.analytics.plots import month_label
from portal.platform.documents import Document

SHADES = 5


class Measure(StrEnum):
    """What counts as coming back: any act of the member, or earning points."""

    ACTIVE = "active"
    EARNED = "earned"


@dataclass(frozen=True, slots=True)
class Cell:
    """A month of a cohort. `shade` is 0 to 5, by share; `unfinished`: the month has not ended."""

    members: int
    share: float
    unfinished: bool = False

    @property
    def shade(self) -> int:
        """How dark it is drawn."""
        return min(round(self.share * SHADES + 0.49), SHADES)


@dataclass(frozen=True, slots=True)
class Cohort:
    """The members who joined in a month, and each month since."""

    label: str
    members: int
    cells: tuple[Cell, ...]


def list_cohorts(details: Document, measure: Measure) -> Sequence[Cohort]:
    """The cohorts of a night's details from the first month that somebody joined in, oldest first."""
    months: dict[str, Any] = details.get("cohorts", {})
    sizes: dict[str, int] = details.get("sizes", {})
    if not sizes or not months:
        return []
    place, last = list(Measure).index(measure), max(months)
    return [
        Cohort(
            month_label(joined),
            sizes.get(joined, 0),
            tuple(
                _cell(months[month].get(joined, (0, 0))[place], sizes.get(joined, 0), month == last)
                for month in sorted(months)
                if month >= joined
            ),
        )
        for joined in months_between(min(sizes), last)
    ]


def _cell(members: int, size: int, unfinished: bool) -> Cell:
    return Cell(members, members / size if size else 0.0, unfinished)
