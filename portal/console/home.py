"""The operators' first page: how the programme stands, and what waits for somebody."""

from flask import Blueprint, Response, current_app

from portal.accounts.guards import Access, guarded
from portal.analytics.plots import Meaning, Plot, Series, plot_points
from portal.analytics.queries import get_details, list_nights
from portal.console import home_queries
from portal.console.home_queries import Funnel
from portal.core import clock, proxies
from portal.core.consoles import show
from portal.core.queue import client
from portal.scheduling.health import get_health
from portal.scheduling.schedules import get_schedules

bp = Blueprint("console", __name__, url_prefix="/admin")

NIGHTS = 30


@bp.get("/")
@guarded(Access.CONSOLE)
def home() -> Response:
    """How the programme stands."""
    now, nights = clock.now(), list_nights(NIGHTS)
    last = nights[-1] if nights else None
    details = get_details(last.night) if last else {}
    row = home_queries.read_now()
    funnel = home_queries.get_funnel(row, details)
    flow = home_queries.get_flow_since(last, now)
    outcomes = home_queries.get_message_outcomes(details)
    zone = current_app.config["SETTINGS"].timezone
    return show(
        "console/home.html", now=row, last=last, standing=home_queries.get_standing(row, last), flow=flow,
        funnel=funnel, most_open=home_queries.MOST_OPEN,
        points=plot_points(nights, flow, now.astimezone(zone).date()),
        referrals=_plot_funnel(funnel) if funnel else None,
        messages=_plot_messages(outcomes) if outcomes else None,
        warning=proxies.WARNING if proxies.has_undeclared() else "",
        health=get_health(get_schedules().values(), client(), now, zone),
    )  # fmt: skip


def _plot_funnel(funnel: Funnel) -> Plot:
    steps = ("Invites made", "Friends who registered", "Friends who converted")
    values = (funnel.invites, funnel.registered, funnel.converted)
    series = (Series("Invites", values, Meaning.INVITES),)
    return Plot("funnel", "Referrals, from invite to friend", "Step", steps, series, "bar", flat=True)


def _plot_messages(outcomes: dict[str, tuple[int, int]]) -> Plot:
    names = sorted(outcomes)
    series = (
        Series("Since last night", tuple(outcomes[name][0] for name in names), Meaning.PERIOD),
        Series("In all", tuple(outcomes[name][1] for name in names), Meaning.TOTAL),
    )
    labels = tuple(name.capitalize() for name in names)
    return Plot("outcomes", "How messages ended", "Outcome", labels, series, "bar", flat=True)
