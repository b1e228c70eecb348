"""Figures as plots: the data of a chart, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from portal.analytics.months import with_every_month
from portal.analytics.reads import Night
from portal.platform.documents import Document
from portal.platform.formatting import format_month, format_night
from portal.referrals import Segment

Figure = float | None


class Meaning(StrEnum):
    """What a colour stands for, in every plot."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    AVAILABLE = "available"
    ON_HOLD = "on hold"
    INVITES = "invites"
    JOINED = "joined"
    ACTIVE = "active"
    STALLED = "stalled"
    AT_RISK = "at risk"
    PERIOD = "since last night"
    TOTAL = "in all"


# The only table of meanings and tones (`--tone-N` of the stylesheet). Meanings shown together have different tones.
TONES = {
    Meaning.ISSUED: 4,
    Meaning.REDEEMED: 2,
    Meaning.EXPIRED: 1,
    Meaning.AVAILABLE: 4,
    Meaning.ON_HOLD: 3,
    Meaning.INVITES: 2,
    Meaning.JOINED: 4,
    Meaning.ACTIVE: 4,
    Meaning.STALLED: 1,
    Meaning.AT_RISK: 5,
    Meaning.PERIOD: 3,
    Meaning.TOTAL: 5,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line or row of bars; a value is None where nothing is known, which is not 0."""

    name: str
    values: tuple[Figure, ...]
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: `head` says what `labels` are; `stacked` bars add up, `flat` ones are horizontal.

    `unfinished`: the last label is a day that has not ended.
    """

    name: str
    title: str
    head: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    kind: str = "line"
    stacked: bool = False
    flat: bool = False
    unfinished: bool = False

    @property
    def drawing(self) -> Document:
        """What the script draws."""
        return {
            "kind": self.kind,
            "stacked": self.stacked,
            "flat": self.flat,
            "labels": self.labels,
            "unfinished": self.unfinished,
            "series": [{"name": s.name, "values": s.values, "tone": TONES[s.meaning]} for s in self.series],
        }

    @property
    def has_gaps(self) -> bool:
        """Whether nothing is known of some of the labels."""
        return any(value is None for series in self.series for value in series.values)

    @property
    def rows(self) -> list[tuple[str, tuple[Figure, ...]]]:
        """The plot as rows of a table: the label and each series' value."""
        return [(label, tuple(s.values[i] for s in self.series)) for i, label in enumerate(self.labels)]


def month_label(month: str | None) -> str:
    """`2026-03` as "Mar 2026"; None as "Never"."""
    if month is None:
        return "Never"
    return format_month(date.fromisoformat(f"{month}-01"))


def every_night(nights: Sequence[Night], until: date | None = None) -> list[tuple[date, Night | None]]:
    """Each night from the first to the last, or to `until`, with its snapshot; None for a missed one."""
    kept = {night.night: night for night in nights}
    first, last = (min(kept), max([*kept, *([until] if until else [])])) if kept else (date.max, date.min)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [(day, kept.get(day)) for day in days]


def plot_points(nights: Sequence[Night], since: dict[str, int] | None = None, today: date | None = None) -> Plot:
    """Points issued, redeemed and expired, night by night; `since` has those of `today`, which has not ended."""
    axis = every_night(nights, today - timedelta(days=1) if today else None)
    flows = [night.figures["points"] if night else {} for _, night in axis] + ([since] if since else [])
    labels = [format_night(day) for day, _ in axis]
    if since and today:
        labels.append("Today, so far")
    series = tuple(
        Series(meaning.value.capitalize(), tuple(flow.get(meaning.value) for flow in flows), meaning)
        for meaning in (Meaning.ISSUED, Meaning.REDEEMED, Meaning.EXPIRED)
    )
    title = "Points issued, redeemed and expired"
    return Plot("points", title, "Night", tuple(labels), series, unfinished=bool(since))


def plot_velocity(nights: Sequence[Night]) -> Plot:
    """Invites and conversions per member who refers and week."""
    axis = every_night(nights)
    lines = [
        ("Invites", Meaning.INVITES, "inviteVelocity"),
        ("Friends who joined", Meaning.JOINED, "conversionVelocity"),
    ]
    series = tuple(
        Series(label, tuple(night.figures["velocity"][name] if night else None for _, night in axis), meaning)
        for label, meaning, name in lines
    )
    return Plot("velocity", "Referrals a member and week", "Night", _days(axis), series)


def plot_segments(nights: Sequence[Night]) -> Plot:
    """Members of each segment."""
    axis = every_night(nights)
    meanings = {
        Segment.ACTIVE: Meaning.ACTIVE,
        Segment.STALLED: Meaning.STALLED,
        Segment.AT_RISK: Meaning.AT_RISK,
    }
    series = tuple(
        Series(
            meanings[segment].value.capitalize(),
            tuple(_members(night, segment) if night else None for _, night in axis),
            meanings[segment],
        )
        for segment in Segment
    )
    return Plot("segments", "Members who refer, by segment", "Night", _days(axis), series, "bar", stacked=True)


def plot_liability(night: Night) -> Plot:
    """Points outstanding per tier, those on hold shown separately."""
    tiers = night.figures["liability"]["tiers"]
    series = _free_and_held([(t["balance"], t["held"]) for t in tiers])
    labels = tuple(t["name"] or "No tier" for t in tiers)
    return Plot("liability", "Points outstanding by tier", "Tier", labels, series, "bar", stacked=True, flat=True)


def plot_forecast(months: Sequence[dict[str, Any]], night: date) -> Plot:
    """Points by the month in which they will expire if nobody uses them, every month from that of the night on."""
    axis = with_every_month(months, night)
    series = _free_and_held([(m["points"], m["held"]) for m in axis])
    labels = tuple(month_label(m["month"]) for m in axis)
    return Plot("forecast", "Points that will expire", "Month", labels, series, "bar", stacked=True)


def _free_and_held(points: Sequence[tuple[int, int]]) -> tuple[Series, Series]:
    """Points free to use and on hold, as two series; each item of `points` is (all, of these on hold)."""
    return (
        Series("Free to use", tuple(every - held for every, held in points), Meaning.AVAILABLE),
        Series("On hold", tuple(held for _, held in points), Meaning.ON_HOLD),
    )


def _days(axis: Sequence[tuple[date, Night | None]]) -> tuple[str, ...]:
    return tuple(format_night(day) for day, _ in axis)


def _members(night: Night, segment: Segment) -> int:
    found: int = next((s["members"] for s in night.figures["segments"] if s["segment"] == segment), 0)
    return found
