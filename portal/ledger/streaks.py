"""Weekly streak bonuses: each week that qualified is paid once, even after missed runs (CONTRACT rule 20)."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.posting import post_many
from portal.ledger.rules import EarningRules
from portal.ledger.statements import query
from portal.platform.steps import EVERYBODY, Figures, Shard

_LOCK_DUE = text("""
    SELECT id FROM loyalty_members
    WHERE id IN (
        SELECT member_id FROM loyalty_streak_weeks
        WHERE paid_entry_id IS NULL AND get_byte(uuid_send(member_id), 15) % :of = :number
        ORDER BY week, member_id LIMIT :limit)
    ORDER BY id FOR UPDATE
""")
_GRANT = query("""
    due AS (
        SELECT s.member_id, s.week, s.length, new_ulid(:now) AS entry_id, row_number() OVER (ORDER BY s.week) AS ord
        FROM loyalty_streak_weeks s WHERE s.member_id = ANY(:ids) AND s.paid_entry_id IS NULL
    ), given AS (
        SELECT ord, member_id, entry_id AS id, 'streak_bonus' AS entry_type, CAST(:points AS bigint) AS amount,
               CAST(:points AS bigint) AS qualifying, CAST(:now AS timestamptz) AS qualifies_at,
               jsonb_build_object('week', week, 'length', length) AS metadata, NULL::jsonb AS texts,
               'streak' AS source, week::text AS external_id, 'bonus' AS effect,
               CAST(:now AS timestamptz) AS occurred_at, CAST(:now AS timestamptz) AS posted_at,
               CAST(:expires_at AS timestamptz) AS expires_at, NULL::date AS week, 0::bigint AS pending
        FROM due
    ), takes AS (
        SELECT NULL::uuid AS entry_id, NULL::uuid AS lot_id, 0::bigint AS points, 0::bigint AS held WHERE false
    )
""")
_MARK = text("""
    UPDATE loyalty_streak_weeks s SET paid_entry_id = e.id
    FROM loyalty_ledger_entries e
    WHERE s.member_id = ANY(:ids) AND s.paid_entry_id IS NULL AND e.member_id = s.member_id
      AND e.source = 'streak' AND e.external_id = s.week::text AND e.effect = 'bonus'
""")


def grant_weekly_streak_bonuses(
    session: Session, now: datetime, *, points: int, rules: EarningRules, limit: int = 1000, shard: Shard = EVERYBODY
) -> Figures | None:
    """Pay up to `limit` members of the shard for all their unpaid weeks; returns `{entries, points, members}`.

    The bonus counts as earned when it is paid, and expires by the programme's rule from then. None means that nothing
    is due, which is always so if `points` is 0.
    """
    values = {"limit": limit, "number": shard.number, "of": shard.of}
    member_ids = list(session.scalars(_LOCK_DUE, values)) if points else []
    if not member_ids:
        return None
    given = {"ids": member_ids, "now": now, "points": points, "expires_at": rules.expiry(now)}
    paid = post_many(session, _GRANT, given, now)
    session.execute(_MARK, {"ids": member_ids})
    return paid
