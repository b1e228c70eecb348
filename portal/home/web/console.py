"""The operators' first page: how the programme stands, and what waits for somebody."""

from flask import Blueprint, Response

from portal.accounts.web import Access, guarded
from portal.analytics import Meaning, Plot, Series, get_details, list_nights, plot_points
from portal.home import reads
from portal.home.reads import Funnel
from portal.jobs import get_health
from portal.jobs.web import get_schedules
from portal.platform import clock
from portal.platform.console.acts import show
from portal.platform.queue import client
from portal.platform.settings import current_settings
from portal.platform.web import proxies

bp = Blueprint("console", __name__, url_prefix="/admin")

NIGHTS = 30


@bp.get("/")
@guarded(Access.CONSOLE)
def home() -> Response:
    """How the programme stands."""
    now, nights = clock.now(), list_nights(NIGHTS)
    last = nights[-1] if nights else None
    details = get_details(last.night) if last else {}
    row = reads.read_now()
    funnel = reads.get_funnel(row, details)
    flow = reads.get_flow_since(last, now)
    outcomes = reads.get_message_outcomes(details)
    zone = current_settings().programme_timezone
    return show(
        "console/home.html",
        now=row,
        last=last,
        standing=reads.get_standing(row, last),
        flow=flow,
        funnel=funnel,
        most_open=reads.MAX_OPEN,
        points=plot_points(nights, flow, now.astimezone(zone).date()),
        referrals=_plot_funnel(funnel) if funnel else None,
        messages=_plot_messages(outcomes) if outcomes else None,
        warning=proxies.WARNING if proxies.has_undeclared() else "",
        health=get_health(get_schedules().values(), client(), now, zone),
    )


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
