"""The campaigns as the console lists them."""

from sqlalchemy import text

from portal.core.reads import read_all
from portal.core.tables import Choices, Column, Table

CAMPAIGNS = Table(
    name="campaigns",
    source="loyalty_nudge_campaigns c",
    key="c.id",
    key_type="uuid",
    order="-priority",
    columns=(
        Column("slug", "Campaign", "c.slug"),
        Column("signal", "Signal", "replace(c.signal, '_', ' ')"),
        Column("active", "Active", "c.active", "flag"),
        Column("priority", "Priority", "c.priority", "number", sorts="integer"),
        Column("channels", "Channels, in order", "array_to_string(c.channels, ', ')"),
        Column("ttl_hours", "Shown for, hours", "c.ttl_hours", "number", sorts="integer"),
        Column("frequency_cap_hours", "At most one message in, hours", "c.frequency_cap_hours", "number"),
        Column("updated_at", "Changed", "c.updated_at", "moment"),
    ),
)

_SLUGS = text("SELECT slug FROM loyalty_nudge_campaigns ORDER BY slug")


def list_campaign_choices() -> Choices:
    """The campaigns to narrow a list by."""
    return tuple((row.slug, row.slug.replace("_", " ").replace("-", " ").capitalize()) for row in read_all(_SLUGS, {}))
