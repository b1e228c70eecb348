"""The nightly figures as the consoles list and export them; they are read only from the snapshots."""

from collections.abc import Callable
from typing import Any

from portal.earning import say_money
from portal.platform.console.tables import Column, Filter, Table
from portal.platform.settings import current_settings
from portal.referrals import Segment

_NIGHTS = "loyalty_analytics_snapshots s"
_LATEST = "(SELECT night, figures, details FROM loyalty_analytics_snapshots ORDER BY night DESC LIMIT 1) s"
_NIGHT = Column("night", "Night", "s.night", sorts="date")
_FRIENDS = "Friends a member and week"
_SEGMENTS = tuple((segment.value, segment.value.replace("_", " ").capitalize()) for segment in Segment)


def _figure(path: str, kind: str = "bigint") -> str:
    return f"CAST(s.figures #>> '{{{path}}}' AS {kind})"


def _of(document: str, name: str, kind: str = "bigint") -> str:
    return f"CAST({document} ->> '{name}' AS {kind})"


POINTS = Table(
    name="points",
    source=_NIGHTS,
    key="s.night",
    key_type="date",
    order="-night",
    columns=(
        _NIGHT,
        Column("issued", "Issued", _figure("points,issued"), "points"),
        Column("redeemed", "Redeemed", _figure("points,redeemed"), "points"),
        Column("expired", "Expired", _figure("points,expired"), "points"),
        Column("withdrawn", "Withdrawn", _figure("points,withdrawn"), "points"),
        Column("outstanding", "Outstanding", _figure("liability,total"), "points"),
        Column("held", "On hold", _figure("liability,held"), "points"),
        Column("owed", "Owed by members", _figure("liability,owed"), "points"),
        Column("worth", "Outstanding in money", _figure("liability,total"), "money", exported=False),
    ),
)

VELOCITY = Table(
    name="velocity",
    source=_NIGHTS,
    key="s.night",
    key_type="date",
    order="-night",
    columns=(
        _NIGHT,
        Column("members", "Members who refer", _figure("velocity,members"), "number"),
        Column("invites", "Invites in 28 days", _figure("velocity,invites"), "number"),
        Column("conversions", "Friends who joined in 28 days", _figure("velocity,conversions"), "number"),
        Column("invite_velocity", "Invites a member and week", _figure("velocity,inviteVelocity", "float8"), "number"),
        Column("conversion_velocity", _FRIENDS, _figure("velocity,conversionVelocity", "float8"), "number"),
    ),
)

SEGMENTS = Table(
    name="segments",
    source=f"{_NIGHTS} CROSS JOIN LATERAL "
    "jsonb_array_elements(s.figures -> 'segments') WITH ORDINALITY g(figures, place)",
    key="(s.night + CAST(g.place AS integer) * interval '1 hour')",
    key_type="timestamp",
    order="-night",
    columns=(
        _NIGHT,
        Column("segment", "Segment", "g.figures ->> 'segment'", "status"),
        Column("members", "Members", _of("g.figures", "members"), "number"),
        Column("share", "Share", _of("g.figures", "share", "float8"), "percent"),
        Column("invite_velocity", "Invites a member and week", _of("g.figures", "inviteVelocity", "float8"), "number"),
        Column("conversion_velocity", _FRIENDS, _of("g.figures", "conversionVelocity", "float8"), "number"),
        Column("idle_days", "Days since activity", _of("g.figures", "averageDaysSinceActivity", "float8"), "number"),
    ),
    filters=(Filter("segment", "Segment", "g.figures ->> 'segment' = :segment", _SEGMENTS),),
)

LIABILITY = Table(
    name="liability",
    source=f"{_LATEST} CROSS JOIN LATERAL "
    "jsonb_array_elements(s.figures #> '{liability,tiers}') WITH ORDINALITY t(figures, place)",
    key="t.place",
    key_type="bigint",
    order="place",
    columns=(
        Column("place", "Place", "t.place", "number", sorts="bigint", shown=False, exported=False),
        Column("tier", "Tier", "t.figures ->> 'tier'", shown=False),
        Column("name", "Tier", "coalesce(t.figures ->> 'name', 'No tier')"),
        Column("members", "Members", _of("t.figures", "members"), "number"),
        Column("balance", "Points outstanding", _of("t.figures", "balance"), "points"),
        Column("held", "On hold", _of("t.figures", "held"), "points"),
        Column("owed", "Owed by members", _of("t.figures", "owed"), "points"),
        Column("worth", "In money", _of("t.figures", "balance"), "money", exported=False),
    ),
)

FORECAST = Table(
    name="forecast",
    source=f"{_LATEST} CROSS JOIN LATERAL "
    "jsonb_array_elements(s.details -> 'forecast') WITH ORDINALITY f(figures, place)",
    key="f.place",
    key_type="bigint",
    order="place",
    columns=(
        Column("place", "Place", "f.place", "number", sorts="bigint", shown=False, exported=False),
        Column("month", "Expires in", "coalesce(f.figures ->> 'month', 'never')"),
        Column("points", "Points", _of("f.figures", "points"), "points"),
        Column("held", "Of these on hold", _of("f.figures", "held"), "points"),
        Column("worth", "In money", _of("f.figures", "points"), "money", exported=False),
        Column("lots", "Credits", _of("f.figures", "lots"), "number"),
    ),
)

RULES = Table(
    name="rules",
    source=f"{_LATEST} CROSS JOIN LATERAL jsonb_array_elements(s.details -> 'rules') WITH ORDINALITY r(figures, place)",
    key="r.place",
    key_type="bigint",
    order="place",
    columns=(
        Column("place", "Place", "r.place", "number", sorts="bigint", shown=False, exported=False),
        Column("rule", "Id", "r.figures ->> 'rule'", "code"),
        Column("name", "Rule", "r.figures ->> 'name'"),
        Column("issued", "Issued in 30 days", _of("r.figures", "issued"), "points"),
        Column("taken_back", "Taken back", _of("r.figures", "taken_back"), "points"),
        Column("worth", "Issued in money", _of("r.figures", "issued"), "money", exported=False),
        Column("entries", "Entries", _of("r.figures", "entries"), "number"),
    ),
)


def _in_money(name: str) -> Callable[[Any], str]:
    """The words of an amount in the smallest unit of the programme's currency."""

    def told(row: Any) -> str:
        amount, settings = getattr(row, name), current_settings()
        return "" if amount is None else say_money(amount, settings.programme_currency, settings.programme_locale)

    return told


ORDERS = Table(
    name="orders",
    source=f"{_LATEST} CROSS JOIN LATERAL "
    "jsonb_array_elements(s.details -> 'orders') WITH ORDINALITY o(figures, place)",
    key="o.place",
    key_type="bigint",
    order="place",
    columns=(
        Column("place", "Place", "o.place", "number", sorts="bigint", shown=False, exported=False),
        Column("month", "Placed in", "o.figures ->> 'month'"),
        Column("orders", "Orders", _of("o.figures", "orders"), "number"),
        Column(
            "share",
            "Of members",
            f"{_of('o.figures', 'of_members', 'float8')} / nullif({_of('o.figures', 'orders', 'float8')}, 0)",
            "percent",
        ),
        Column("with_points", "Paid with points", _of("o.figures", "with_points"), "number"),
        Column(
            "average_with",
            "Average with points",
            _of("o.figures", "average_with"),
            "text",
            made=_in_money("average_with"),
        ),
        Column(
            "average_without",
            "Average without",
            _of("o.figures", "average_without"),
            "text",
            made=_in_money("average_without"),
        ),
    ),
)

_MONTHS = "(CAST(left({0}, 4) AS integer) * 12 + CAST(right({0}, 2) AS integer))"
_MEMBERS = "CAST(s.details #>> ARRAY['sizes', c.joined] AS bigint)"

COHORTS = Table(
    name="cohorts",
    source=f"{_LATEST} CROSS JOIN LATERAL jsonb_each(s.details -> 'cohorts') m(month, cells) "
    "CROSS JOIN LATERAL jsonb_each(m.cells) c(joined, counts)",
    key="(c.joined || m.month)",
    key_type="text",
    order="joined",
    where="m.month >= c.joined",
    columns=(
        Column("joined", "Joined in", "c.joined", sorts="text"),
        Column("month", "Month", "m.month", sorts="text"),
        Column("age", "Months since", f"{_MONTHS.format('m.month')} - {_MONTHS.format('c.joined')}", "number"),
        Column("members", "Members who joined", _MEMBERS, "number"),
        Column("active", "Active", "CAST(c.counts ->> 0 AS bigint)", "number"),
        Column("earned", "Earned", "CAST(c.counts ->> 1 AS bigint)", "number"),
        Column("active_share", "Active", f"CAST(c.counts ->> 0 AS float8) / nullif({_MEMBERS}, 0)", "percent"),
        Column("earned_share", "Earned", f"CAST(c.counts ->> 1 AS float8) / nullif({_MEMBERS}, 0)", "percent"),
    ),
)

TABLES = {table.name: table for table in (POINTS, VELOCITY, SEGMENTS, LIABILITY, FORECAST, RULES, ORDERS, COHORTS)}
