"""Weekly streak bonuses: each week that qualified is paid once, even after missed runs (CONTRACT rule 20)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.posting import post_many
from portal.ledger.rules import EarningRules
from portal.ledger.statements import query
from portal.platform.clock import start_of_day
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
# A week without anything earned in it that was not taken back, but for streak bonuses.
_DROP = text("""
    DELETE FROM loyalty_streak_weeks s
    WHERE s.member_id = :member_id AND s.week = :week AND NOT EXISTS (
        SELECT FROM (
            SELECT amount > 0 AND entry_type NOT IN ('reversal', 'streak_bonus')
                   AND qualifies_at >= :since AND qualifies_at < :until AS earned,
                   CASE WHEN entry_type <> 'reversal' THEN greatest(amount, 0)
                        ELSE -(SELECT coalesce(sum(t.value::bigint), 0) FROM jsonb_each_text(metadata -> 'takes') t
                               WHERE t.key <> 'pending') END AS points, source, external_id
            FROM loyalty_ledger_entries WHERE member_id = :member_id) e
        GROUP BY source, external_id HAVING bool_or(earned) AND sum(points) > 0)
    RETURNING s.week
""")
_RENUMBER = text("""
    UPDATE loyalty_streak_weeks s SET length = r.place
    FROM (SELECT week, row_number() OVER (PARTITION BY run ORDER BY week) AS place
          FROM (SELECT week, week - 7 * (row_number() OVER (ORDER BY week))::int AS run
                FROM loyalty_streak_weeks WHERE member_id = :member_id) numbered) r
    WHERE s.member_id = :member_id AND s.week = r.week AND s.length <> r.place
""")


def drop_idle_week(session: Session, member_id: UUID, earned_at: datetime, rules: EarningRules) -> None:
    """Let the week of what was taken back be none of the streak, unless something else was earned in it.

    A bonus that was paid for it stays. The caller holds the member's row lock.
    """
    week = rules.week(earned_at)
    since, until = (start_of_day(day, rules.zone) for day in (week, week + timedelta(days=7)))
    values = {"member_id": member_id, "week": week, "since": since, "until": until}
    if session.scalar(_DROP, values) is not None:
        session.execute(_RENUMBER, {"member_id": member_id})


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
