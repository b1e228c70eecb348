"""The audit of nudges: every decision to send or not to send one, with its reason in words."""

from flask import Blueprint, Response

from portal.accounts.web import Access, guarded, people_filter
from portal.notifications import CHANNEL_CHOICES
from portal.notifications.web import STATUSES, explained
from portal.nudges.models import DispatchStatus
from portal.nudges.web.console import list_campaign_choices
from portal.nudges.web.labels import REASONS
from portal.platform.console.acts import show_table
from portal.platform.console.tables import Column, Filter, Table, choices_of, day_filters

bp = Blueprint("dispatches_console", __name__, url_prefix="/admin/messages/nudges")

DISPATCHES = Table(
    name="dispatches",
    source="""
        loyalty_nudge_dispatch_events d
        JOIN loyalty_members m ON m.id = d.member_id
        LEFT JOIN loyalty_nudge_campaigns c ON c.id = d.campaign_id
    """,
    key="d.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Dispatch", "d.id", "ulid", sorts="uuid"),
        Column("created_at", "When", "d.created_at", "moment"),
        Column("user_id", "Member", "m.user_id", "member"),
        Column("campaign", "Campaign", "c.slug"),
        Column("channel", "Channel", "d.channel"),
        Column("backend", "By", "d.backend"),
        Column("status", "Status", "d.status", "status"),
        Column("why", "Reason", explained("d.reason", REASONS)),
        Column("reason", "Reason", "d.reason", shown=False),
        Column("sent_at", "Sent", "d.sent_at", "moment", shown=False),
    ),
    filters=(
        people_filter("member", "Member", "m.user_id"),
        Filter("campaign", "Campaign", "c.slug = :campaign", options=list_campaign_choices),
        Filter("channel", "Channel", "d.channel = :channel", CHANNEL_CHOICES),
        Filter("status", "Status", "d.status = :status", choices_of(DispatchStatus)),
        Filter("reason", "Reason", "d.reason = :reason", tuple(REASONS.items())),
        *day_filters("d.created_at"),
    ),
)


@bp.get("")
@guarded(Access.CONSOLE)
def dispatches() -> Response:
    """Every decision about a nudge, newest first."""
    return show_table(DISPATCHES, "console/messages/dispatches.html", statuses=STATUSES)
