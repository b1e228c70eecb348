"""Snapshots: segments, velocity, points of the day and outstanding liability, one row per night."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core import clock, ids
from portal.core.responses import to_json
from portal.core.steps import Figures
from portal.members.service import STAFF
from portal.referrals.service import get_segments

VELOCITY_DAYS = 28

_BEFORE = text("SELECT figures #>> '{points,to}' FROM loyalty_analytics_snapshots WHERE night = :night")
_VELOCITY = text(f"""
    SELECT (SELECT count(*) FROM loyalty_referral_invites WHERE created_at > :since AND created_at <= :now
              AND member_id NOT IN ({STAFF})) AS invites,
           (SELECT count(*) FROM loyalty_referral_invites
            WHERE status = 'converted' AND converted_at > :since AND converted_at <= :now
              AND member_id NOT IN ({STAFF})) AS conversions
""")
_POINTS = text("""
    SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS issued,
           coalesce(-sum(amount) FILTER (WHERE entry_type = 'redemption'), 0)::bigint AS redeemed,
           coalesce(-sum(amount) FILTER (WHERE entry_type = 'expiration'), 0)::bigint AS expired,
           coalesce(-sum(amount) FILTER (WHERE amount < 0 AND entry_type IN ('adjustment', 'reversal')), 0)::bigint
               AS withdrawn,
           count(*) AS entries
    FROM loyalty_ledger_entries WHERE occurred_at >= :begin AND occurred_at < :end
""")
_LIABILITY = text(f"""
    SELECT t.slug AS tier, t.name, count(m.id) - count(s.id) AS members, coalesce(sum(m.balance), 0)::bigint AS balance,
           coalesce(sum(m.held), 0)::bigint AS held
    FROM loyalty_members m FULL JOIN loyalty_tiers t ON t.id = m.tier_id
    LEFT JOIN ({STAFF}) s ON s.id = m.id
    WHERE m.id IS NOT NULL OR t.active
    GROUP BY t.slug, t.name, t.threshold ORDER BY t.threshold NULLS FIRST
""")
_KEEP = text("""
    INSERT INTO loyalty_analytics_snapshots (night, id, captured_at, figures)
    VALUES (:night, :id, :captured_at, CAST(:figures AS jsonb))
    ON CONFLICT (night) DO UPDATE SET captured_at = excluded.captured_at, figures = excluded.figures
""")


def capture_snapshot(session: Session, moment: datetime, zone: ZoneInfo) -> Figures:
    """Keep the programme's figures as of `moment`, for its night in `zone`; captured again, they replace the earlier.

    Points are those since the snapshot of the night before, so that nights add up to the ledger.
    """
    night = moment.astimezone(zone).date()
    begin = _begin(session, moment, zone)
    segments = get_segments(moment, session)
    liability = [dict(row._mapping) for row in session.execute(_LIABILITY)]
    points = session.execute(_POINTS, {"begin": begin, "end": moment}).one()._mapping
    figures = {
        "segments": segments,
        "velocity": _velocity(session, moment, sum(segment["members"] for segment in segments)),
        "points": {**{name: points[name] for name in points if name != "entries"}, "from": begin, "to": moment},
        "liability": {
            "total": sum(row["balance"] for row in liability),
            "held": sum(row["held"] for row in liability),
            "tiers": liability,
        },
    }
    values = {"night": night, "id": ids.new_id(), "captured_at": clock.now(), "figures": to_json(figures).decode()}
    session.execute(_KEEP, values)
    return {"snapshots": 1, "entries": points["entries"], "members": sum(row["members"] for row in liability)}


def _begin(session: Session, moment: datetime, zone: ZoneInfo) -> datetime:
    """Where the night before ended, else the same time of the day before."""
    local = moment.astimezone(zone)
    before = session.scalar(_BEFORE, {"night": local.date() - timedelta(days=1)})
    return datetime.fromisoformat(before) if before else (local - timedelta(days=1)).astimezone(moment.tzinfo)


def _velocity(session: Session, moment: datetime, members: int) -> dict[str, Any]:
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
