"""Segments of the members who refer (CONTRACT rule 14), from one indexed row per member and the last weeks' invites."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.members import STAFF
from portal.platform.documents import Document
from portal.referrals.reads import rows_of

ACTIVE_DAYS, STALLED_DAYS, VELOCITY_DAYS = 14, 45, 28
WEEKS = VELOCITY_DAYS / 7


class Segment(StrEnum):
    """How active a member is in referring."""

    ACTIVE = "active"
    STALLED = "stalled"
    AT_RISK = "at_risk"


DEFINITIONS = {
    Segment.ACTIVE.value: f"An invite made or a friend joined in the last {ACTIVE_DAYS} days.",
    Segment.STALLED.value: f"Open invites, and nothing new for {ACTIVE_DAYS + 1} to {STALLED_DAYS} days.",
    Segment.AT_RISK.value: f"Nothing new for more than {STALLED_DAYS} days.",
    "share": "The segment's part of the members of all three segments, 0 to 1.",
    "velocity": f"Invites made, and friends converted, per member and week over the last {VELOCITY_DAYS} days.",
}

_SEGMENT = """
    CASE WHEN a.last_activity_at >= CAST(:active_from AS timestamptz) THEN 'active'
         WHEN a.last_activity_at < CAST(:stalled_from AS timestamptz) THEN 'at_risk'
         WHEN a.open_invites > 0 THEN 'stalled' END
"""
_COHORTS = text(f"""
    WITH placed AS (
        SELECT a.member_id, {_SEGMENT} AS segment, a.last_activity_at AS last_at
        FROM loyalty_referral_activity a WHERE a.last_activity_at IS NOT NULL AND a.member_id NOT IN ({STAFF})
    ), cohorts AS (
        SELECT segment, count(*) AS members, avg(extract(epoch FROM CAST(:now AS timestamptz) - last_at)) AS age
        FROM placed WHERE segment IS NOT NULL GROUP BY segment
    ), made AS (
        SELECT member_id, count(*) AS n FROM loyalty_referral_invites
        WHERE created_at > :velocity_from AND created_at <= :now GROUP BY member_id
    ), won AS (
        SELECT member_id, count(*) AS n FROM loyalty_referral_invites
        WHERE status = 'converted' AND converted_at > :velocity_from AND converted_at <= :now GROUP BY member_id
    ), moves AS (
        SELECT p.segment, sum(made.n) AS made, sum(won.n) AS won
        FROM placed p LEFT JOIN made USING (member_id) LEFT JOIN won USING (member_id)
        WHERE made.n IS NOT NULL OR won.n IS NOT NULL GROUP BY p.segment
    )
    SELECT c.segment, c.members, c.age, coalesce(m.made, 0) AS made, coalesce(m.won, 0) AS won
    FROM cohorts c LEFT JOIN moves m ON m.segment = c.segment
""")

_MINE = text(f"""
    SELECT {_SEGMENT} AS segment FROM loyalty_members m JOIN loyalty_referral_activity a ON a.member_id = m.id
    WHERE m.user_id = :user_id
""")


class CohortRow(NamedTuple):
    """A segment's members, their mean age of activity in seconds, and the invites they made and friends they won."""

    segment: str
    members: int
    age: Decimal | None
    made: int
    won: int


class PlaceRow(NamedTuple):
    """The segment of one member."""

    segment: str | None


def get_segments(now: datetime, session: Session | None = None) -> list[Document]:
    """Figures of each segment as of `now`, from one pass over the members who refer; never from the ledger.

    With a session, they are read in its transaction.

    Velocities are per member and week; a segment without members has zeros and no average.
    """
    values = {**_limits(now), "now": now, "velocity_from": now - timedelta(days=VELOCITY_DAYS)}
    found = {row.segment: row for row in rows_of(CohortRow, _COHORTS, values, session)}
    everyone = sum(row.members for row in found.values())
    return [_figures(segment, found.get(segment), everyone) for segment in Segment]


def get_segment_of(user_id: str, now: datetime, session: Session | None = None) -> str | None:
    """The segment a user is in; None for those who never referred, or whom no definition fits."""
    rows = rows_of(PlaceRow, _MINE, {**_limits(now), "user_id": user_id}, session)
    return rows[0].segment if rows else None


def _limits(now: datetime) -> dict[str, datetime]:
    return {"active_from": now - timedelta(days=ACTIVE_DAYS), "stalled_from": now - timedelta(days=STALLED_DAYS)}


def _figures(segment: Segment, row: CohortRow | None, everyone: int) -> Document:
    members, age, made, won = (row.members, row.age, row.made, row.won) if row else (0, None, 0, 0)
    return {
        "segment": segment.value,
        "members": members,
        "share": round(members / everyone, 4) if everyone else 0.0,
        "inviteVelocity": round(float(made) / members / WEEKS, 4) if members else 0.0,
        "conversionVelocity": round(float(won) / members / WEEKS, 4) if members else 0.0,
        "averageDaysSinceActivity": round(float(age) / 86_400, 2) if age is not None else None,
    }
