"""Snapshots: segments, velocity, points of the day and outstanding liability, one row per night."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.members import STAFF
from portal.platform import clock, ids
from portal.platform.documents import Document, to_json
from portal.platform.steps import Figures
from portal.referrals import get_segments

VELOCITY_DAYS = 28
MAX_MISSED = 366

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('analytics_snapshot', 0))")
_SPAN = """
    night, CAST(figures #>> '{points,from}' AS timestamptz) AS begins,
    CAST(figures #>> '{points,to}' AS timestamptz) AS ends
"""
_BEFORE = text(f"SELECT {_SPAN} FROM loyalty_analytics_snapshots WHERE night < :night ORDER BY night DESC LIMIT 1")
# Nights that do not begin where the night before them ended: one was captured late, or its row was deleted.
_APART = text(f"""
    SELECT night, ends, ended FROM (
        SELECT s.*, lag(ends) OVER (ORDER BY night) AS ended FROM (SELECT {_SPAN} FROM loyalty_analytics_snapshots) s) n
    WHERE begins <> ended
""")
_FIRST_ENTRY = text("SELECT min(occurred_at) FROM loyalty_ledger_entries")
_VELOCITY = text(f"""
    SELECT (SELECT count(*) FROM loyalty_referral_invites WHERE created_at > :since AND created_at <= :now
              AND member_id NOT IN ({STAFF})) AS invites,
           (SELECT count(*) FROM loyalty_referral_invites
            WHERE status = 'converted' AND converted_at > :since AND converted_at <= :now
              AND member_id NOT IN ({STAFF})) AS conversions
""")
# What is given back of a redemption was not redeemed after all, and is no issue.
_POINTS = text("""
    SELECT coalesce(sum(amount) FILTER (WHERE amount > 0 AND source <> 'redemption'), 0)::bigint AS issued,
           coalesce(-sum(amount) FILTER (
               WHERE entry_type = 'redemption' OR source = 'redemption'), 0)::bigint AS redeemed,
           coalesce(-sum(amount) FILTER (WHERE entry_type = 'expiration'), 0)::bigint AS expired,
           coalesce(-sum(amount) FILTER (
               WHERE amount < 0 AND source <> 'redemption'
                 AND entry_type NOT IN ('redemption', 'expiration')), 0)::bigint AS withdrawn,
           count(*) AS entries
    FROM loyalty_ledger_entries WHERE occurred_at >= :begin AND occurred_at < :end
""")
_LIABILITY = text(f"""
    SELECT t.slug AS tier, t.name, count(m.id) - count(s.id) AS members, coalesce(sum(m.balance), 0)::bigint AS balance,
           coalesce(sum(m.held), 0)::bigint AS held, coalesce(sum(m.owed), 0)::bigint AS owed
    FROM loyalty_members m FULL JOIN loyalty_tiers t ON t.id = m.tier_id
    LEFT JOIN ({STAFF}) s ON s.id = m.id
    WHERE m.id IS NOT NULL OR t.active
    GROUP BY t.slug, t.name, t.threshold ORDER BY t.threshold NULLS FIRST
""")
_RECOUNT = text("""
    UPDATE loyalty_analytics_snapshots SET figures = jsonb_set(figures, '{points}', CAST(:points AS jsonb))
    WHERE night = :night
""")
_KEEP = text("""
    INSERT INTO loyalty_analytics_snapshots (night, id, captured_at, figures)
    VALUES (:night, :id, :captured_at, CAST(:figures AS jsonb))
    ON CONFLICT (night) DO UPDATE SET captured_at = excluded.captured_at, figures = excluded.figures
""")


def capture_snapshot(session: Session, moment: datetime, zone: ZoneInfo) -> Figures:
    """Store the programme's figures as of `moment`, for its night in `zone`; a repeated capture replaces them.

    Points are counted since the previous stored night, however long ago that is, or since the ledger began. So the
    nights add up to the ledger, even if some were missed, captured late, captured again or deleted.
    """
    session.execute(_ONE_AT_A_TIME)
    night = moment.astimezone(zone).date()
    before = session.execute(_BEFORE, {"night": night}).first()
    begin = before.ends if before else _beginning(session, moment, zone)
    segments = get_segments(moment, session)
    liability = [dict(row._mapping) for row in session.execute(_LIABILITY)]
    points, entries = _points(session, begin, moment)
    figures = {
        "segments": segments,
        "velocity": _velocity(session, moment, sum(segment["members"] for segment in segments)),
        "points": points,
        "liability": {
            "total": sum(row["balance"] for row in liability),
            "held": sum(row["held"] for row in liability),
            "owed": sum(row["owed"] for row in liability),
            "tiers": liability,
        },
    }
    values = {"night": night, "id": ids.new_id(), "captured_at": clock.now(), "figures": to_json(figures).decode()}
    session.execute(_KEEP, values)
    if before:  # entries that were uncommitted when it was counted are committed by now
        _recount(session, before.night, before.begins, before.ends)
    for apart in session.execute(_APART).all():
        _recount(session, apart.night, apart.ended, apart.ends)
    return {"snapshots": 1, "entries": entries, "members": sum(row["members"] for row in liability)}


def missed_moments(last: date | None, slot: datetime, zone: ZoneInfo) -> list[datetime]:
    """When the nights between the `last` one stored and that of `slot` should have been captured, oldest first."""
    local = slot.astimezone(zone)
    nights = (local.date() - last).days - 1 if last else 0
    behind = range(min(nights, MAX_MISSED), 0, -1)
    return [(local - timedelta(days=days)).astimezone(slot.tzinfo) for days in behind]


def _beginning(session: Session, moment: datetime, zone: ZoneInfo) -> datetime:
    """When the first stored night begins: a day earlier, or with the first ledger entry if that is older."""
    day_before = (moment.astimezone(zone) - timedelta(days=1)).astimezone(moment.tzinfo)
    first = session.scalar(_FIRST_ENTRY)
    return min(first, day_before) if first else day_before


def _points(session: Session, begin: datetime, end: datetime) -> tuple[Document, int]:
    """The points credited and debited from `begin` until before `end`, and the number of entries."""
    row = session.execute(_POINTS, {"begin": begin, "end": end}).one()._mapping
    points = {name: row[name] for name in row if name != "entries"}
    return {**points, "from": begin.astimezone(UTC), "to": end.astimezone(UTC)}, row["entries"]


def _recount(session: Session, night: date, begin: datetime, end: datetime) -> None:
    points = to_json(_points(session, begin, end)[0]).decode()
    session.execute(_RECOUNT, {"night": night, "points": points})


def _velocity(session: Session, moment: datetime, members: int) -> Document:
    """Invites and conversions per member who refers and week, over the trailing days."""
    since = moment - timedelta(days=VELOCITY_DAYS)
    row = session.execute(_VELOCITY, {"since": since, "now": moment}).one()
    per_week = members * VELOCITY_DAYS / 7
    return {
        "windowDays": VELOCITY_DAYS,
        "members": members,
        "invites": row.invites,
        "conversions": row.conversions,
        "inviteVelocity": round(row.invites / per_week, 4) if per_week else 0.0,
        "conversionVelocity": round(row.conversions / per_week, 4) if per_week else 0.0,
    }
