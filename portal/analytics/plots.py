"""Figures as plots: what a chart draws, and the table that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.analytics.queries import Night
from portal.core.formatting import format_month, format_night
from portal.referrals.service import Segment


@dataclass(frozen=True, slots=True)
class Series:
    """One line or row of bars. `tone` is one of the five tones of the stylesheet."""

    name: str
    values: tuple[float, ...]
    tone: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: `head` names what `labels` are; `stacked` bars add up, `flat` ones lie."""

    name: str
    title: str
    head: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    kind: str = "line"
    stacked: bool = False
    flat: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """What the script draws."""
        return {
            "kind": self.kind, "stacked": self.stacked, "flat": self.flat, "labels": self.labels,
            "series": [{"name": s.name, "values": s.values, "tone": s.tone} for s in self.series],
        }  # fmt: skip

    @property
    def rows(self) -> list[tuple[str, tuple[float, ...]]]:
        """The same as rows of a table: the label and each series' value."""
        return [(label, tuple(s.values[i] for s in self.series)) for i, label in enumerate(self.labels)]


def month_label(month: str | None) -> str:
    """`2026-03` as "Mar 2026"; None is never."""
    if month is None:
        return "Never"
    return format_month(date.fromisoformat(f"{month}-01"))


def plot_points(nights: Sequence[Night], since: dict[str, int] | None = None) -> Plot:
    """Points issued, redeemed and expired, night by night; `since` are those since the last night."""
    flows = [night.figures["points"] for night in nights] + ([since] if since else [])
    labels = [format_night(night.night) for night in nights] + (["Since"] if since else [])
    series = tuple(
        Series(name.capitalize(), tuple(flow[name] for flow in flows), tone)
        for name, tone in (("issued", 4), ("redeemed", 2), ("expired", 1))
    )
    return Plot("points", "Points issued, redeemed and expired", "Night", tuple(labels), series)


def plot_velocity(nights: Sequence[Night]) -> Plot:
    """Invites and conversions per member who refers and week."""
    return _by_night(
        "velocity", "Referrals a member and week", nights,
        ("Invites", 2, [n.figures["velocity"]["inviteVelocity"] for n in nights]),
        ("Friends who joined", 4, [n.figures["velocity"]["conversionVelocity"] for n in nights]),
    )  # fmt: skip


def plot_segments(nights: Sequence[Night]) -> Plot:
    """Members of each segment."""
    tones = {Segment.ACTIVE: 4, Segment.STALLED: 1, Segment.AT_RISK: 5}
    lines = [
        (segment.value.replace("_", " ").capitalize(), tones[segment], [_members(n, segment) for n in nights])
        for segment in Segment
    ]
    return _by_night("segments", "Members who refer, by segment", nights, *lines, kind="bar", stacked=True)


def plot_liability(night: Night) -> Plot:
    """Points outstanding per tier; on hold apart."""
    tiers = night.figures["liability"]["tiers"]
    return Plot(
        "liability", "Points outstanding by tier", "Tier", tuple(t["name"] or "No tier" for t in tiers),
        (
            Series("Free to use", tuple(t["balance"] - t["held"] for t in tiers), 4),
            Series("On hold", tuple(t["held"] for t in tiers), 1),
        ),
        "bar", True, True,
    )  # fmt: skip


def plot_forecast(months: Sequence[dict[str, Any]]) -> Plot:
    """Points by the month in which they will expire if nobody uses them."""
    return Plot(
        "forecast", "Points that will expire", "Month", tuple(month_label(m["month"]) for m in months),
        (
            Series("Free to use", tuple(m["points"] - m["held"] for m in months), 1),
            Series("On hold", tuple(m["held"] for m in months), 2),
        ),
        "bar", True,
    )  # fmt: skip


def _by_night(
    name: str, title: str, nights: Sequence[Night], *lines: tuple[str, int, Sequence[float]], kind: str = "line",
    stacked: bool = False,
) -> Plot:  # fmt: skip
    series = tuple(Series(label, tuple(values), tone) for label, tone, values in lines)
    return Plot(name, title, "Night", tuple(format_night(n.night) for n in nights), series, kind, stacked)


def _members(night: Night, segment: Segment) -> int:
    found: int = next((s["members"] for s in night.figures["segments"] if s["segment"] == segment), 0)
    return found
