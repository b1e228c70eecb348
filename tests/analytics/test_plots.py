"""Plots tell the truth: what was nothing is 0, what nobody knows is a gap, and a colour means one thing."""

import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.analytics import plots
from portal.analytics.details import capture_details
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.months import months_between, with_every_month
from portal.analytics.plots import TONES, Meaning, every_night
from portal.analytics.reads import Night, list_nights
from portal.analytics.snapshots import capture_snapshot
from portal.platform import clock
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_tier

NIGHT = datetime(2026, 3, 10, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT = Path(__file__).parents[2]
FIGURES: dict[str, Any] = {
    "points": {"issued": 5, "redeemed": 0, "expired": 1},
    "velocity": {"inviteVelocity": 0.5, "conversionVelocity": 0.0},
    "segments": [{"segment": "active", "members": 3}],
    "liability": {"tiers": [{"name": "Gold", "balance": 90, "held": 20}]},
}


def night(day: int) -> Night:
    """A night of March."""
    return Night(date(2026, 3, day), NIGHT, FIGURES)


def row(month: str | None, points: int) -> dict[str, Any]:
    return {"month": month, "lots": 1, "points": points, "held": 0}


@pytest.mark.parametrize(
    ("rows", "begin", "months", "points"),
    [
        (
            [row("2026-12", 5), row("2027-02", 7)],
            "2026-11-28",
            ["2026-11", "2026-12", "2027-01", "2027-02"],
            [0, 5, 0, 7],
        ),
        ([row("2026-03", 5), row(None, 9)], "2026-03-01", ["2026-03", None], [5, 9]),
        ([row(None, 9)], "2026-03-01", [None], [9]),
        ([row("2026-01", 4)], "2026-03-01", ["2026-01"], [4]),
        ([], "2026-03-01", [], []),
    ],
)
def test_a_month_without_expiries_is_shown_as_nothing(
    rows: list[dict[str, Any]], begin: str, months: list[str | None], points: list[int]
) -> None:
    every = with_every_month(rows, date.fromisoformat(begin))
    assert [one["month"] for one in every] == months
    assert [one["points"] for one in every] == points


def test_months_follow_each_other_over_the_turn_of_the_year() -> None:
    assert list(months_between("2025-11", "2026-02")) == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_a_missed_night_is_a_gap_and_no_zero() -> None:
    kept = [night(3), night(4), night(7)]
    assert [day.day for day, _ in every_night(kept)] == [3, 4, 5, 6, 7]
    for plot in (plots.plot_points(kept), plots.plot_velocity(kept), plots.plot_segments(kept)):
        assert len(plot.labels) == 5
        assert plot.has_gaps
        assert all([value is None for value in s.values] == [False, False, True, True, False] for s in plot.series)


def test_nights_that_were_missed_until_today_are_on_the_axis() -> None:
    plot = plots.plot_points([night(3)], {"issued": 1, "redeemed": 0, "expired": 0}, date(2026, 3, 7))
    assert plot.labels == ("3 Mar", "4 Mar", "5 Mar", "6 Mar", "Today, so far")
    assert plot.series[0].values == (5, None, None, None, 1)


def test_the_day_that_goes_on_is_marked() -> None:
    flow = {"issued": 1, "redeemed": 0, "expired": 0}
    assert plots.plot_points([night(3)], flow, date(2026, 3, 3)).drawing["unfinished"] is True
    assert plots.plot_points([], flow, date(2026, 3, 3)).labels == ("Today, so far",)
    assert plots.plot_points([night(3)]).drawing["unfinished"] is False


def test_tiers_without_members_and_months_without_expiries_are_kept(session: Session) -> None:
    for slug, threshold in (("bronze", 0), ("silver", 100), ("gold", 1000)):
        make_tier(session, slug, threshold)
    make_tier(session, "old", 5000, active=False)
    member = make_member(session)
    for months in (0, 3):
        earn(session, member, 10, at=NIGHT - DAY, expires_at=datetime(2026, 4 + months, 20, tzinfo=UTC))

    with clock.at(NIGHT):
        capture_snapshot(session, NIGHT, ZoneInfo("UTC"))
        capture_details(session, NIGHT, ZoneInfo("UTC"), "EUR")

    kept = session.get_one(AnalyticsSnapshot, NIGHT.date(), populate_existing=True)
    tiers = [(tier["tier"], tier["members"], tier["balance"]) for tier in kept.figures["liability"]["tiers"]]
    assert tiers == [("bronze", 1, 20), ("silver", 0, 0), ("gold", 0, 0)]
    months = [(month["month"], month["points"]) for month in kept.details["forecast"]]
    assert months == [("2026-03", 0), ("2026-04", 10), ("2026-05", 0), ("2026-06", 0), ("2026-07", 10)]


def test_a_period_has_its_days_however_few_were_captured(client: FlaskClient, session: Session) -> None:
    for days in (0, 1, 5, 40):
        capture_snapshot(session, NIGHT - days * DAY, ZoneInfo("UTC"))
    sign_in(client, make_user(session, role="operator"))

    assert [one.night.day for one in list_nights(30)] == [5, 9, 10]
    page = client.get("/admin/analytics").text
    assert 'aria-label="not captured"' in page
    assert "was not captured" in page


def test_a_colour_means_one_thing_and_what_is_shown_together_differs() -> None:
    shown = [
        plots.plot_points([night(1)]),
        plots.plot_velocity([night(1)]),
        plots.plot_segments([night(1)]),
        plots.plot_liability(night(1)),
        plots.plot_forecast([row("2026-03", 1)], date(2026, 3, 1)),
    ]
    assert set(TONES) == set(Meaning)
    names: dict[str, set[Meaning]] = {}
    for plot in shown:
        tones = [one["tone"] for one in plot.drawing["series"]]
        assert len(set(tones)) == len(tones), plot.name
        for series in plot.series:
            names.setdefault(series.name, set()).add(series.meaning)
    assert all(len(meanings) == 1 for meanings in names.values())
    assert TONES[Meaning.PERIOD] != TONES[Meaning.TOTAL]


def test_no_plot_names_a_tone_of_its_own() -> None:
    """Every series is made with a meaning."""
    calls = [
        (path, call)
        for path in (ROOT / "portal").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Series"
    ]
    assert len(calls) > 6
    for path, call in calls:
        assert not any(isinstance(one, ast.Constant) and isinstance(one.value, int) for one in call.args), path
