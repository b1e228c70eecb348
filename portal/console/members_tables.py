"""Members as the consoles list them: all of them, or those who were searched for."""

from dataclasses import replace

from portal.console.members_search import HITS
from portal.core.tables import Column, Filter, Table

_COLUMNS = (
    Column("user_id", "Member", "u.id", "member"),
    Column("name", "Name", "u.name"),
    Column("email", "Email", "u.email", "code"),
    Column("status", "Status", "coalesce(m.status, 'no member yet')", "status"),
    Column("tier", "Tier", "t.name"),
    Column("balance", "Balance", "coalesce(m.balance, 0)", "points"),
    Column("held", "On hold", "coalesce(m.held, 0)", "points"),
    Column("lifetime_earned", "Earned in all", "coalesce(m.lifetime_earned, 0)", "points"),
    Column("referral_code", "Code", "coalesce(m.referral_code, '')", "code"),
    Column("joined_at", "Joined", "m.joined_at", "moment"),
)
_NARROW = (
    Filter("status", "Status", "m.status = :status", (("active", "Active"), ("suspended", "Suspended"))),
    Filter("tier", "Tier (its slug)", "m.tier_id = (SELECT x.id FROM loyalty_tiers x WHERE x.slug = :tier)"),
)
_JOINS = "LEFT JOIN loyalty_tiers t ON t.id = m.tier_id"


def _with(**changed: Column) -> tuple[Column, ...]:
    return tuple(changed.get(column.key, column) for column in _COLUMNS)


# Ids of memberships are made in the order of joining, so that the primary key gives the newest first.
MEMBERS = Table(
    name="members",
    source=f"loyalty_members m JOIN users u ON u.id = m.user_id {_JOINS}",
    key="m.id",
    key_type="uuid",
    order="-id",
    columns=(
        *_with(lifetime_earned=Column("lifetime_earned", "Earned in all", "m.lifetime_earned", "points", "bigint")),
        Column("id", "Newest", "m.id", "ulid", sorts="uuid", shown=False, exported=False),
    ),
    filters=(Filter("q", "Search", ":q = ''"), *_NARROW),
)
# Who is found is a user, and may not be a member yet.
FOUND = replace(
    MEMBERS,
    name="found",
    source=f"{HITS} h JOIN users u ON u.id = h.id LEFT JOIN loyalty_members m ON m.user_id = u.id {_JOINS}",
    key="u.id",
    key_type="text",
    order="email",
    columns=_with(email=Column("email", "Email", "u.email", "code", sorts="text")),
    filters=(Filter("q", "Search", ":q <> ''"), *_NARROW),
)
