"""The tiers as the console lists them, with how many members hold each."""

from typing import NamedTuple

from sqlalchemy import text

from portal.platform.console.tables import Choices, Column, Table
from portal.platform.db.reads import read_all, read_one

COUNTED_EXACTLY = 10_000
# Counting a million members on every view would be slow: above a limit the number comes from PostgreSQL's statistics.
_SOURCE = f"""
    loyalty_tiers t
    CROSS JOIN LATERAL (
        SELECT count(*) AS members
        FROM (SELECT FROM loyalty_members m WHERE m.tier_id = t.id LIMIT {COUNTED_EXACTLY + 1}) seen) counted
    LEFT JOIN LATERAL (
        SELECT CAST(v.share * c.reltuples AS bigint) AS members
        FROM pg_stats s
        JOIN pg_class c ON c.oid = CAST('loyalty_members' AS regclass)
        CROSS JOIN LATERAL unnest(CAST(CAST(s.most_common_vals AS text) AS uuid[]), s.most_common_freqs)
            AS v(tier_id, share)
        WHERE s.schemaname = current_schema() AND s.tablename = 'loyalty_members' AND s.attname = 'tier_id'
          AND v.tier_id = t.id AND counted.members > {COUNTED_EXACTLY}) estimate ON true
"""
_MANY = f"counted.members > {COUNTED_EXACTLY}"

TIERS = Table(
    name="tiers",
    source=_SOURCE,
    key="t.id",
    key_type="uuid",
    order="threshold",
    columns=(
        Column("name", "Tier", "t.name"),
        Column("slug", "Id", "t.slug", "code"),
        Column("threshold", "Points earned", "t.threshold", "points", sorts="bigint"),
        Column("position", "Position", "t.position", "number"),
        Column("members", "Members", "greatest(counted.members, estimate.members)", "number"),
        Column("counting", "Counted", f"CASE WHEN {_MANY} THEN 'about' ELSE 'exactly' END"),
        Column("benefits", "Benefits", "jsonb_array_length(t.benefits)", "number"),
        Column("active", "Active", "t.active", "flag"),
        Column("updated_at", "Changed", "t.updated_at", "moment"),
    ),
)


class _Choice(NamedTuple):
    """A tier to choose."""

    slug: str
    name: str


class _Found(NamedTuple):
    """The id of an existing tier."""

    id: str


_ID = text("SELECT CAST(id AS text) AS id FROM loyalty_tiers WHERE slug = :slug")
_NAMES = text("SELECT slug, name FROM loyalty_tiers ORDER BY threshold, slug")


def list_tier_choices() -> Choices:
    """The tiers to narrow a list by: slug and name, the lowest first."""
    return tuple((row.slug, row.name) for row in read_all(_NAMES, {}, _Choice))


def find_tier(slug: str) -> str | None:
    """The id of a tier. It is looked up before the list's statement so that the planner can estimate its rows."""
    row = read_one(_ID, {"slug": slug}, _Found)
    return row.id if row else None
