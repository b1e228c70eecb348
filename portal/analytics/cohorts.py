"""Cohorts: of the members who joined in a month, how many came back in each month since."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portal.analytics.plots import month_label

SHADES = 5


class Measure(StrEnum):
    """What coming back means: anything the member did, or earning points."""

    ACTIVE = "active"
    EARNED = "earned"


@dataclass(frozen=True, slots=True)
class Cell:
    """A month of a cohort. `shade` is 0 to 5, by share."""

    members: int
    share: float

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


def list_cohorts(details: dict[str, Any], measure: Measure) -> Sequence[Cohort]:
    """The cohorts of a night's details, oldest first; those that nobody joined in are left out."""
    months: dict[str, Any] = details.get("cohorts", {})
    sizes: dict[str, int] = details.get("sizes", {})
    place = list(Measure).index(measure)
    return [
        Cohort(month_label(joined), size, tuple(
            _cell(months[month].get(joined, (0, 0))[place], size) for month in sorted(months) if month >= joined
        ))
        for joined, size in sorted(sizes.items())
    ]  # fmt: skip


def _cell(members: int, size: int) -> Cell:
    return Cell(members, members / size if size else 0.0)
