"""Members as the consoles list them: all of them, or those who were searched for."""

from dataclasses import replace
from uuid import UUID

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
    Filter("tier", "Tier (its slug)", ":tier <> '' AND m.tier_id = CAST(:tier_id AS uuid)"),
)
_NEWEST = Column(
    "id", "Newest", f"coalesce(m.id, '{UUID(int=0)}')", "ulid", sorts="uuid", shown=False, exported=False
)  # fmt: skip
_JOINS = "LEFT JOIN loyalty_tiers t ON t.id = m.tier_id"


# Ids of memberships are made in the order of joining, so that the primary key gives the newest first. There is no other
# order: among a million, a rare tier in the order of anything else would be looked for through all of them.
MEMBERS = Table(
    name="members",
    source=f"loyalty_members m JOIN users u ON u.id = m.user_id {_JOINS}",
    key="m.id",
    key_type="uuid",
    order="-id",
    columns=(*_COLUMNS, replace(_NEWEST, expression="m.id")),
    filters=(Filter("q", "Search", ":q = ''"), *_NARROW),
)
# Who is found is a user, and may not be a member yet.
FOUND = replace(
    MEMBERS,
    source=f"{HITS} h JOIN users u ON u.id = h.id LEFT JOIN loyalty_members m ON m.user_id = u.id {_JOINS}",
    key="u.id",
    key_type="text",
    columns=(*_COLUMNS, _NEWEST),
    filters=(Filter("q", "Search", ":q <> ''"), *_NARROW),
)
