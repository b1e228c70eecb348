"""What the home page reads: a few indexed statements, however large the programme is.

Members, points and invites are counted exactly while they are few; above that limit, last night's figures are used.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import text

from portal.analytics import Night
from portal.members import STAFF
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document

FEW = 20_000
MAX_OPEN = 10_000
DAY = timedelta(days=1)

_NOW = text(f"""
    SELECT m.counted, m.members, m.outstanding, m.held, m.owed, q.open, i.invites, i.registered, i.converted,
           (SELECT requested_at FROM loyalty_redemptions WHERE status = 'requested' ORDER BY hold_expires_at LIMIT 1)
               AS oldest
    FROM (SELECT count(*) AS counted, count(*) - count(s.id) AS members,
                 coalesce(sum(balance), 0)::bigint AS outstanding, coalesce(sum(held), 0)::bigint AS held,
                 coalesce(sum(owed), 0)::bigint AS owed
          FROM (SELECT id, balance, held, owed FROM loyalty_members LIMIT {FEW + 1}) x
          LEFT JOIN ({STAFF}) s ON s.id = x.id) m
    CROSS JOIN (SELECT count(*) AS open
                FROM (SELECT FROM loyalty_redemptions WHERE status = 'requested' LIMIT {MAX_OPEN + 1}) x) q
    CROSS JOIN (SELECT count(*) AS invites,
                       count(*) FILTER (
                           WHERE attributed_at IS NOT NULL OR status IN ('converted', 'reversed')) AS registered,
                       count(*) FILTER (WHERE status = 'converted') AS converted
                FROM (SELECT status, attributed_at FROM loyalty_referral_invites LIMIT {FEW + 1}) x) i
""")
_SINCE = text("""
    SELECT coalesce(sum(amount) FILTER (WHERE amount > 0 AND source <> 'redemption'), 0)::bigint AS issued,
           coalesce(-sum(amount) FILTER (
               WHERE entry_type = 'redemption' OR source = 'redemption'), 0)::bigint AS redeemed,
           coalesce(-sum(amount) FILTER (WHERE entry_type = 'expiration'), 0)::bigint AS expired
    FROM loyalty_ledger_entries WHERE occurred_at >= :since AND occurred_at <= :now
""")
_MESSAGES = text("SELECT outcome, sum(messages)::bigint AS messages FROM message_totals GROUP BY outcome")


@dataclass(frozen=True, slots=True)
class Standing:
    """The number of members without staff, everybody's points, and what is owed beside them.

    `live`: exact now, else as of the last night.
    """

    members: int
    outstanding: int
    held: int
    owed: int
    live: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """Invites, how many led to a registration, and how many converted; `live` as in `Standing`."""

    invites: int
    registered: int
    converted: int
    live: bool


class NowRow(NamedTuple):
    """Counts up to a limit.

    `counted` members with staff and `members` without; all their points; the redemption queue and its oldest request;
    invites by the stage they reached.
    """

    counted: int
    members: int
    outstanding: int
    held: int
    owed: int
    open: int
    invites: int
    registered: int
    converted: int
    oldest: datetime | None


def read_now() -> NowRow:
    """Members, points, the redemption queue and invites, each counted up to a limit."""
    return cast("NowRow", read_one(_NOW, {}))


def get_standing(row: NowRow, last: Night | None) -> Standing | None:
    """Members and points; None if there are many and no night has been captured yet."""
    if row.counted <= FEW:
        return Standing(row.members, row.outstanding, row.held, row.owed, True)
    if last is None:
        return None
    kept = last.figures["liability"]
    return Standing(sum(tier["members"] for tier in kept["tiers"]), kept["total"], kept["held"], kept["owed"], False)


def get_funnel(row: NowRow, details: Document) -> Funnel | None:
    """The funnel of invites; None if there are many and no night has been captured yet."""
    if row.invites <= FEW:
        return Funnel(row.invites, row.registered, row.converted, True)
    kept: dict[str, int] | None = details.get("funnel")
    if kept is None:
        return None
    made = sum(count for status, count in kept.items() if status != "registered")
    return Funnel(made, kept.get("registered", 0), kept.get("converted", 0), False)


def get_flow_since(last: Night | None, now: datetime) -> dict[str, int]:
    """Points issued, redeemed and expired since the last night, at most for two days."""
    end = datetime.fromisoformat(last.figures["points"]["to"]) if last else now - DAY
    row = read_one(_SINCE, {"since": max(end, now - 2 * DAY), "now": now})
    assert row is not None
    return dict(row._asdict())


def get_message_outcomes(details: Document) -> dict[str, tuple[int, int]]:
    """The number of messages by outcome: since the last night, and in total."""
    before: dict[str, int] = details.get("messages", {})
    return {row.outcome: (row.messages - before.get(row.outcome, 0), row.messages) for row in read_all(_MESSAGES, {})}
