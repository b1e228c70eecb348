"""Pending credits: points that are granted and wait, outside balance, tiers and streaks (CONTRACT-EARNING 8.4).

Each is a row of `loyalty_pending_credits`; when its time has come it is posted as one ledger entry of the same source,
external id and effect. Credits with the same source and external id wait for each other: while one of their members is
suspended or has a closed account, all of them wait (CONTRACT R12), and those that are due are posted in one transaction
(CONTRACT rule 10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.models import EntryType
from portal.ledger.posting import Posted, post_many, post_query
from portal.ledger.rules import EarningRules
from portal.ledger.statements import query, query_entries
from portal.platform import ids
from portal.platform.clock import computed_expiry
from portal.platform.documents import Document, to_json
from portal.platform.steps import EVERYBODY, Figures, Shard


@dataclass(frozen=True, slots=True)
class PendingCredit:
    """Points to put aside until `activates_at`.

    `source`, `external_id` and `effect` are those of the ledger entry to come. It counts for tiers (unless
    `qualifies_tier` is False) by the date `qualifies_at`, and for the streak week that begins on the Monday `week`, or
    for none. Its lot lives for `expiry_months` from the activation (0: for ever; CONTRACT rule 5).
    """

    member_id: UUID
    points: int
    entry_type: EntryType
    source: str
    external_id: str
    effect: str
    activates_at: datetime
    qualifies_at: datetime
    qualifies_tier: bool = True
    week: date | None = None
    expiry_months: int = 12
    metadata: Document = field(default_factory=dict)


_PUT = text("""
    WITH given AS (
        SELECT r.* FROM json_to_recordset(CAST(:rows AS json)) AS r(
            id uuid, member_id uuid, points bigint, entry_type text, source text, external_id text, effect text,
            activates_at timestamptz, qualifies_at timestamptz, qualifies_tier boolean, week date,
            expiry_months integer, metadata jsonb)
    ), kept AS (
        INSERT INTO loyalty_pending_credits AS known (member_id, id, entry_type, source, external_id, effect, granted,
            points, qualifies_tier, qualifies_at, week, activates_at, expiry_months, metadata, created_at)
        SELECT member_id, id, entry_type, source, external_id, effect, points, points, qualifies_tier, qualifies_at,
               week, activates_at, expiry_months, metadata, :now
        FROM given g WHERE NOT EXISTS (
            SELECT FROM loyalty_ledger_entries e
            WHERE e.member_id = g.member_id AND e.source = g.source AND e.external_id = g.external_id
              AND e.effect = g.effect)
        ON CONFLICT (source, external_id, member_id, effect) DO UPDATE SET granted = known.granted + excluded.granted,
            points = known.points + excluded.points, activates_at = excluded.activates_at
            WHERE known.activated_at IS NULL
        RETURNING member_id, id, source, external_id, effect
    ), totals AS (
        UPDATE loyalty_members m SET pending = m.pending + t.points
        FROM (SELECT member_id, sum(points)::bigint AS points FROM given GROUP BY member_id) t WHERE m.id = t.member_id
    )
    SELECT k.id FROM given g JOIN kept k USING (member_id, source, external_id, effect) ORDER BY g.id
""")
_SHRINK = text("""
    WITH found AS (
        SELECT member_id, id, least(points, :points) AS points FROM loyalty_pending_credits
        WHERE source = :source AND external_id = :external_id AND member_id = :member_id AND effect = :effect
          AND activated_at IS NULL
    ), shrunk AS (
        UPDATE loyalty_pending_credits c SET points = c.points - f.points
        FROM found f WHERE c.member_id = f.member_id AND c.id = f.id
    )
    UPDATE loyalty_members m SET pending = m.pending - f.points FROM found f WHERE m.id = f.member_id
    RETURNING f.points
""")
_RESCHEDULE = text("""
    UPDATE loyalty_pending_credits c SET activates_at = d.activates_at
    FROM json_to_recordset(CAST(:dates AS json)) AS d(effect text, activates_at timestamptz)
    WHERE c.source = :source AND c.external_id = :external_id AND c.member_id = :member_id
      AND c.effect = coalesce(d.effect, c.effect) AND c.activated_at IS NULL
""")

_IS_PUT_ASIDE = text("""
    SELECT EXISTS (SELECT FROM loyalty_pending_credits WHERE source = :source AND external_id = :external_id)
""")
_STANDING = "m.status = 'active' AND (SELECT u.disabled_at FROM users u WHERE u.id = m.user_id) IS NULL"
# Locks the members of credits whose turn it is, the longest due first, with those of the open credits they wait for.
# A credit that somebody else posted already is left for `ledger verify` to report. Rows are looked up one by one
# (OFFSET 0): planned as joins, each batch would read all that is due.
_LOCK_DUE = text(f"""
    SELECT m.id FROM loyalty_members m
    WHERE {_STANDING} AND m.id IN (
        SELECT o.member_id FROM (SELECT DISTINCT source, external_id FROM (
            SELECT c.source, c.external_id FROM loyalty_pending_credits c
            WHERE c.activated_at IS NULL AND c.points > 0 AND c.activates_at <= :now
              AND get_byte(uuid_send(c.member_id), 15) % :of = :number
              AND EXISTS (SELECT FROM loyalty_members m WHERE m.id = c.member_id AND {_STANDING} OFFSET 0)
              AND NOT EXISTS (
                SELECT FROM loyalty_pending_credits o JOIN loyalty_members m ON m.id = o.member_id
                WHERE o.source = c.source AND o.external_id = c.external_id AND o.member_id <> c.member_id
                  AND o.activated_at IS NULL AND o.points > 0 AND NOT ({_STANDING}) OFFSET 0)
              AND NOT EXISTS (
                SELECT FROM loyalty_ledger_entries e
                WHERE e.member_id = c.member_id AND e.source = c.source AND e.external_id = c.external_id
                  AND e.effect = c.effect OFFSET 0)
            ORDER BY c.activates_at, c.member_id LIMIT :limit) first) d
        CROSS JOIN LATERAL (
            SELECT member_id FROM loyalty_pending_credits
            WHERE source = d.source AND external_id = d.external_id AND activated_at IS NULL AND points > 0
            OFFSET 0) o)
    ORDER BY m.id FOR UPDATE
""")
_LOCK_NAMED = text(f"""
    SELECT m.id FROM loyalty_members m
    WHERE {_STANDING} AND m.id IN (
        SELECT c.member_id FROM loyalty_pending_credits c
        WHERE c.source = :source AND c.external_id = :external_id AND c.activated_at IS NULL AND c.points > 0)
    ORDER BY m.id FOR UPDATE
""")
_LIVES = text("""
    SELECT DISTINCT expiry_months FROM loyalty_pending_credits
    WHERE member_id = ANY(:ids) AND activated_at IS NULL AND points > 0
""")
# Whoever is not among the locked members is not in good standing, or has joined since: what they share waits.
_OF_LOCKED = """
    NOT EXISTS (
        SELECT FROM loyalty_pending_credits o
        WHERE o.source = c.source AND o.external_id = c.external_id AND o.activated_at IS NULL AND o.points > 0
          AND o.member_id <> ALL(:ids) OFFSET 0)
"""
_DUE = f"""
    due AS (
        SELECT c.* FROM (
            SELECT DISTINCT source, external_id FROM (
                SELECT c.source, c.external_id FROM loyalty_pending_credits c
                WHERE c.member_id = ANY(:ids) AND c.activated_at IS NULL AND c.points > 0 AND c.activates_at <= :now
                  AND {_OF_LOCKED}
                ORDER BY c.activates_at, c.member_id LIMIT :limit) first) f
        CROSS JOIN LATERAL (
            SELECT * FROM loyalty_pending_credits
            WHERE source = f.source AND external_id = f.external_id AND activated_at IS NULL AND points > 0
              AND activates_at <= :now OFFSET 0) c
    )
"""
_NAMED = f"""
    due AS (
        SELECT c.* FROM loyalty_pending_credits c
        WHERE c.source = :source AND c.external_id = :external_id AND c.activated_at IS NULL AND c.points > 0
          AND {_OF_LOCKED}
    )
"""
_GIVEN = """
    , lives AS (
        SELECT l.* FROM json_to_recordset(CAST(:lives AS json)) AS l(expiry_months integer, expires_at timestamptz)
    ), given AS (
        SELECT row_number() OVER (ORDER BY d.activates_at, d.id) AS ord, member_id, new_ulid(:now) AS id, entry_type,
               points AS amount, CASE WHEN qualifies_tier THEN points ELSE 0 END AS qualifying, qualifies_at, metadata,
               NULL::jsonb AS texts, source, external_id, effect, CAST(:now AS timestamptz) AS occurred_at,
               CAST(:now AS timestamptz) AS posted_at, expires_at, week, points AS pending
        FROM due d JOIN lives l USING (expiry_months)
    ), takes AS (
        SELECT NULL::uuid AS entry_id, NULL::uuid AS lot_id, 0::bigint AS points, 0::bigint AS held WHERE false
    )
"""
_MARK = """
    , marked AS (
        UPDATE loyalty_pending_credits c SET activated_at = f.occurred_at, entry_id = f.id FROM fresh f
        WHERE c.source = f.source AND c.external_id = f.external_id AND c.member_id = f.member_id
          AND c.effect = f.effect
    )
"""
_ACTIVATE_DUE = query(_DUE + _GIVEN, _MARK)
_ACTIVATE_NAMED = query_entries(_NAMED + _GIVEN, _MARK)


def put_aside(session: Session, waiting: Sequence[PendingCredit], now: datetime) -> list[UUID]:
    """Put points aside, each credit by its member, source, external id and effect; returns their ids in this order.

    One that is known and open gets these points added, and this date. The caller holds the members' row locks.

    :raises ValueError: if one was activated or posted already, is named twice, or has no points.
    """
    rows = [{"id": ids.new_id(), **asdict(credit)} for credit in waiting]
    named = {(row["member_id"], row["source"], row["external_id"], row["effect"]) for row in rows}
    if len(named) < len(rows) or any(credit.points <= 0 for credit in waiting):
        raise ValueError("each pending credit is named once, and has points")
    kept = session.scalars(_PUT, {"rows": to_json(rows).decode(), "now": now}).all()
    if len(kept) < len(rows):
        raise ValueError("a credit that was activated or posted already cannot be put aside")
    return list(kept)


def shrink(session: Session, member_id: UUID, source: str, external_id: str, effect: str, points: int) -> int:
    """Take up to `points` back from an open credit; returns how many were taken, 0 if there is no such credit.

    The caller holds the member's row lock.
    """
    values = {
        "member_id": member_id,
        "source": source,
        "external_id": external_id,
        "effect": effect,
        "points": points,
    }
    return session.scalar(_SHRINK, values) or 0


def reschedule(
    session: Session,
    member_id: UUID,
    source: str,
    external_id: str,
    activates_at: datetime | Mapping[str, datetime],
) -> None:
    """Set when the open credits of this source and external id activate: all of them, or those of the effects given.

    The caller holds the member's row lock.
    """
    dates = activates_at if isinstance(activates_at, Mapping) else {None: activates_at}
    rows = [{"effect": effect, "activates_at": at} for effect, at in dates.items()]
    values = {"member_id": member_id, "source": source, "external_id": external_id}
    session.execute(_RESCHEDULE, {**values, "dates": to_json(rows).decode()})


def is_put_aside(session: Session, source: str, external_id: str) -> bool:
    """Whether anything of this source and external id waits, or has waited."""
    return bool(session.scalar(_IS_PUT_ASIDE, {"source": source, "external_id": external_id}))


def activate_due(
    session: Session, now: datetime, *, rules: EarningRules, limit: int = 2500, shard: Shard = EVERYBODY
) -> Figures | None:
    """Post up to `limit` due credits of the shard, the longest due first, with those that wait for each other.

    Returns `{entries, points, members}`: 0 if another sweep has posted them meanwhile; None means that none is left
    but those that wait for a member. It is idempotent: running it again, concurrently or late changes nothing more.
    """
    values = {"now": now, "limit": limit, "number": shard.number, "of": shard.of}
    member_ids = list(session.scalars(_LOCK_DUE, values))
    if not member_ids:
        return None
    given = {"ids": member_ids, "now": now, "limit": limit, "lives": _lives(session, member_ids, now, rules)}
    return post_many(session, _ACTIVATE_DUE, given, now)


def activate_now(session: Session, source: str, external_id: str, now: datetime, *, rules: EarningRules) -> Posted:
    """Post all open credits of this source and external id, whatever their dates; locks their members.

    Nothing is posted while one of the members is suspended or has a closed account.
    """
    named = {"source": source, "external_id": external_id}
    member_ids = list(session.scalars(_LOCK_NAMED, named))
    given = {**named, "ids": member_ids, "now": now, "lives": _lives(session, member_ids, now, rules)}
    posted = post_query(session, _ACTIVATE_NAMED, given, now)
    in_order = sorted(posted.entries, key=lambda entry: (entry.member_id, entry.balance_after))
    return Posted(in_order, posted.upgrades, posted.recoveries)


def _lives(session: Session, member_ids: list[UUID], now: datetime, rules: EarningRules) -> str:
    """When points that are activated now expire, for each life that these members' open credits have, as JSON."""
    lives = [
        {"expiry_months": months, "expires_at": computed_expiry(now, months, rules.zone)}
        for months in session.scalars(_LIVES, {"ids": member_ids})
    ]
    return to_json(lives).decode()
