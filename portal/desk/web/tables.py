"""Members as the consoles list them: all of them, the results of a search, or those who owe points."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from portal.accounts import HITS
from portal.accounts.web import people_filter
from portal.platform.console.tables import Column, Filter, Table
from portal.platform.documents import MAX_POINTS
from portal.platform.problems import InvalidInput
from portal.tiers.web import find_tier, list_tier_choices

# A user that the search finds may not be a member yet. The columns of the list of all are never null and sorted by
# index.
_NEWEST = Column("id", "Newest", "m.id", "ulid", sorts="uuid", shown=False, exported=False)
_COLUMNS = (
    Column("user_id", "Member", "u.id", "member"),
    Column("name", "Name", "u.name"),
    Column("email", "Email", "u.email", "code"),
    Column("status", "Status", "coalesce(m.status, 'no member yet')", "status"),
    Column("tier", "Tier", "t.name"),
    Column("balance", "Balance", "m.balance", "points", sorts="bigint"),
    Column("held", "On hold", "coalesce(m.held, 0)", "points"),
    Column("lifetime_earned", "Lifetime points", "m.lifetime_earned", "points", sorts="bigint"),
    Column("referral_code", "Code", "coalesce(m.referral_code, '')", "code"),
    Column("joined_at", "Joined", "m.joined_at", "moment", sorts="timestamptz"),
)
_OF_NO_MEMBER: dict[str, dict[str, Any]] = {
    "id": {"expression": f"coalesce(m.id, '{UUID(int=0)}')"},
    "balance": {"expression": "coalesce(m.balance, 0)"},
    "lifetime_earned": {"expression": "coalesce(m.lifetime_earned, 0)"},
    "joined_at": {"by": "coalesce(m.joined_at, '-infinity')"},
}
_NARROW = (
    Filter("status", "Status", "m.status = :status", (("active", "Active"), ("suspended", "Suspended"))),
    Filter(
        "tier",
        "Tier",
        "m.tier_id = CAST(:tier_id AS uuid)",
        options=list_tier_choices,
        values=lambda slug: {"tier_id": find_tier(slug)},
    ),
)
_HINT = "Name, address, id or code"
_JOINS = "LEFT JOIN loyalty_tiers t ON t.id = m.tier_id"

# Ids of memberships ascend in the order of joining, so that the primary key gives the newest first.
MEMBERS = Table(
    name="members",
    source=f"loyalty_members m JOIN users u ON u.id = m.user_id {_JOINS}",
    key="m.id",
    key_type="uuid",
    order="-id",
    columns=(*_COLUMNS, _NEWEST),
    filters=(Filter("q", "Search", ":q = ''", hint=_HINT), *_NARROW),
)
FOUND = replace(
    MEMBERS,
    source=f"{HITS} h JOIN users u ON u.id = h.id LEFT JOIN loyalty_members m ON m.user_id = u.id {_JOINS}",
    key="u.id",
    key_type="text",
    columns=tuple(replace(column, **_OF_NO_MEMBER.get(column.key, {})) for column in MEMBERS.columns),
    filters=(Filter("q", "Search", ":q <> ''", hint=_HINT), *_NARROW),
)


def _over(typed: str) -> dict[str, int]:
    """The number of points typed into the filter.

    :raises InvalidInput: if it is none.
    """
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(MAX_POINTS))):
        raise InvalidInput(("over", "must be a whole number of points, such as 100"))
    return {"over_points": int(typed)}


OWING = Table(
    name="owing",
    source=f"""loyalty_members m JOIN users u ON u.id = m.user_id {_JOINS}
        CROSS JOIN LATERAL (
            SELECT count(*) AS debts, min(owed_at) AS since FROM loyalty_owed
            WHERE member_id = m.id AND points > recovered + written_off OFFSET 0) d""",
    where="m.owed > 0",
    key="m.id",
    key_type="uuid",
    order="-owed",
    columns=(
        *(column for column in _COLUMNS if column.key in ("user_id", "name", "status")),
        Column("owed", "Owed", "m.owed", "points", sorts="bigint"),
        Column("debts", "Debts", "d.debts", "number"),
        Column("since", "Oldest since", "d.since", "moment", sorts="timestamptz", by="coalesce(d.since, 'infinity')"),
        Column("pending", "Pending", "m.pending", "points"),
        Column("held", "On hold", "m.held", "points"),
    ),
    filters=(
        people_filter("member", "Member", "u.id"),
        Filter("over", "Owe more than", "m.owed > :over_points", kind="number", hint="Points", values=_over),
        *_NARROW,
    ),
)
