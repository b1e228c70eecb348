"""The redemptions as the consoles list them."""

from portal.accounts.web import people_filter
from portal.platform.console.tables import Column, Filter, Table, choices_of
from portal.redemptions.models import RedemptionStatus
from portal.rewards.web import list_reward_choices

_SOURCE = """
    loyalty_redemptions r
    JOIN loyalty_members m ON m.id = r.member_id
    JOIN users u ON u.id = m.user_id
    LEFT JOIN loyalty_rewards w ON w.id = r.reward_id
"""
_STALE = "r.status = 'requested' AND r.requested_at < CAST(:stale_before AS timestamptz)"

REDEMPTIONS = Table(
    name="redemptions",
    source=_SOURCE,
    key="r.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Request", "r.id", "ulid", sorts="uuid"),
        Column("user_id", "Member", "u.id", "member"),
        Column("name", "Name", "coalesce(u.name, '')"),
        Column("description", "What", "r.description"),
        Column("reward_slug", "Reward", "w.slug", shown=False),
        Column("points", "Points", "r.points", "points"),
        Column("restored", "Back", "nullif(r.restored, 0)", "points"),
        Column("status", "Status", "r.status", "status"),
        Column("requested_at", "Requested", "r.requested_at", "moment"),
        Column("hold_expires_at", "Held until", "r.hold_expires_at", "moment"),
        Column("closed_at", "Closed", "r.closed_at", "moment"),
        Column("failure_reason", "Reason", "r.failure_reason"),
        Column("closed_by", "By", "r.closed_by"),
    ),
    filters=(
        Filter("status", "Status", "r.status = :status", choices_of(RedemptionStatus)),
        Filter("reward", "Reward", "w.slug = :reward", options=list_reward_choices),
        people_filter("member", "Member", "u.id"),
        Filter("waiting", "Waiting", f":waiting = 'stale' AND {_STALE}", (("stale", "Too long"),)),
    ),
)
