"""The console of analytics: the nights' figures as plots, tables and downloads."""

from enum import StrEnum

from flask import Blueprint, Response, request

from portal.accounts.web import Access, guarded
from portal.analytics import plots, reads
from portal.analytics.cohorts import Measure, list_cohorts
from portal.analytics.web.tables import TABLES
from portal.earning import say_money
from portal.platform.console.acts import show, show_table
from portal.platform.problems import InvalidInput, NotFound
from portal.platform.settings import current_settings

bp = Blueprint("analytics_console", __name__, url_prefix="/admin/analytics")

PERIODS = (30, 90, 365)
MOST_RULES = 8
TITLES = {
    "points": "Points by night",
    "velocity": "Referral velocity",
    "segments": "Segments",
    "liability": "Liability by tier",
    "forecast": "Expiry forecast",
    "rules": "Points by earning rule",
    "orders": "Orders by month",
    "cohorts": "Cohorts",
}


@bp.get("")
@guarded(Access.CONSOLE)
def overview() -> Response:
    """The figures of the last nights, as plots with the same figures in tables."""
    count = int(_choice("nights", tuple(map(str, PERIODS))))
    measure = Measure(_choice("measure", tuple(Measure)))
    nights = reads.list_nights(count)
    if not nights:
        return show("console/analytics/empty.html")
    settings = current_settings()
    last, details = nights[-1], reads.get_details(nights[-1].night)
    drawn = [
        plots.plot_points(nights),
        plots.plot_velocity(nights),
        plots.plot_segments(nights),
        plots.plot_liability(last),
    ]
    return show(
        "console/analytics/overview.html",
        nights=nights,
        last=last,
        plots=drawn,
        periods=PERIODS,
        count=count,
        forecast=plots.plot_forecast(details.get("forecast", []), last.night),
        rules=details.get("rules", [])[:MOST_RULES],
        orders=details.get("orders", []),
        money=lambda amount: say_money(amount, settings.programme_currency, settings.programme_locale),
        cohorts=list_cohorts(details, measure),
        measure=measure,
        measures=Measure,
    )


@bp.get("/<name>")
@guarded(Access.CONSOLE)
def table(name: str) -> Response:
    """One of the tables in full: to page through, or to download."""
    if name not in TABLES:
        raise NotFound
    return show_table(TABLES[name], "console/analytics/table.html", title=TITLES[name])


def _choice(name: str, choices: tuple[str, ...] | tuple[StrEnum, ...]) -> str:
    value = request.args.get(name, choices[0])
    if value not in choices:
        raise InvalidInput((name, f"must be one of {', '.join(choices)}"))
    return value
