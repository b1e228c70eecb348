"""`ledger verify`: recompute balances, holds, lots and tiers from the ledger, and list every difference.

A check is one statement, so that concurrent writes cannot look like differences. Domains that grant points add theirs.
"""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform.documents import Document

Difference = tuple[UUID | None, int, int]
"""Whose (None: nobody's), what is stored, and what it should be."""
Check = Callable[[Session], Iterable[Difference]]


def by_sql(statement: str) -> Check:
    """The check that selects (member_id, stored, recomputed) where the last two differ."""
    query = text(statement)
    return lambda session: ((row[0], int(row[1]), int(row[2])) for row in session.execute(query))


_CHECKS = {
    "balance": """
        SELECT m.id, m.balance, coalesce(e.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(amount) AS total FROM loyalty_ledger_entries GROUP BY 1) e
          ON e.member_id = m.id
        WHERE m.balance <> coalesce(e.total, 0)""",
    "balance_in_lots": """
        SELECT m.id, m.balance, coalesce(l.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(remaining) AS total FROM loyalty_point_expirations GROUP BY 1) l
          ON l.member_id = m.id
        WHERE m.balance <> coalesce(l.total, 0)""",
    "balance_after": """
        SELECT member_id, balance_after, total FROM (
            SELECT member_id, balance_after, sum(amount) OVER (PARTITION BY member_id ORDER BY seq) AS total
            FROM loyalty_ledger_entries) e
        WHERE balance_after <> total""",
    "sequence": """
        SELECT m.id, m.last_seq, coalesce(e.entries, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, count(*) AS entries, max(seq) AS top FROM loyalty_ledger_entries GROUP BY 1) e
          ON e.member_id = m.id
        WHERE m.last_seq <> coalesce(e.entries, 0) OR m.last_seq <> coalesce(e.top, 0)""",
    "lifetime_earned": """
        SELECT m.id, m.lifetime_earned, coalesce(e.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(qualifying) AS total FROM loyalty_ledger_entries GROUP BY 1) e
          ON e.member_id = m.id
        WHERE m.lifetime_earned <> coalesce(e.total, 0)""",
    "lot_opened": """
        SELECT e.member_id, coalesce(l.points, 0), greatest(e.amount, 0) - coalesce(g.points, 0)
        FROM loyalty_ledger_entries e
        LEFT JOIN loyalty_point_expirations l ON l.member_id = e.member_id AND l.id = e.id
        LEFT JOIN (SELECT member_id, entry_id, -sum(points) AS points FROM loyalty_lot_debits
                   WHERE points < 0 GROUP BY 1, 2) g
          ON g.member_id = e.member_id AND g.entry_id = e.id
        WHERE greatest(e.amount, 0) - coalesce(g.points, 0) <> coalesce(l.points, 0)""",
    "lot_remaining": """
        SELECT l.member_id, l.remaining, l.points - coalesce(d.total, 0) FROM loyalty_point_expirations l
        LEFT JOIN (SELECT member_id, lot_id, sum(points) AS total FROM loyalty_lot_debits GROUP BY 1, 2) d
          ON d.member_id = l.member_id AND d.lot_id = l.id
        WHERE l.remaining <> l.points - coalesce(d.total, 0)""",
    "lot_restored": """
        SELECT l.member_id, l.restored, coalesce(d.total, 0) FROM loyalty_point_expirations l
        LEFT JOIN (SELECT member_id, lot_id, -sum(points) AS total FROM loyalty_lot_debits
                   WHERE points < 0 GROUP BY 1, 2) d
          ON d.member_id = l.member_id AND d.lot_id = l.id
        WHERE l.restored <> coalesce(d.total, 0)""",
    "debit_taken": """
        SELECT e.member_id, greatest(-e.amount, 0), coalesce(d.total, 0) FROM loyalty_ledger_entries e
        LEFT JOIN (SELECT member_id, entry_id, sum(points) AS total FROM loyalty_lot_debits
                   WHERE points > 0 GROUP BY 1, 2) d
          ON d.member_id = e.member_id AND d.entry_id = e.id
        WHERE greatest(-e.amount, 0) <> coalesce(d.total, 0)""",
    "given_back": """
        SELECT e.member_id, sum(greatest(-d.points, 0)), sum(greatest(d.points, 0)) FROM loyalty_lot_debits d
        JOIN loyalty_ledger_entries e ON e.member_id = d.member_id AND e.id = d.entry_id
        WHERE (e.member_id, e.source, e.external_id) IN (
            SELECT c.member_id, c.source, c.external_id FROM loyalty_lot_debits g
            JOIN loyalty_ledger_entries c ON c.member_id = g.member_id AND c.id = g.entry_id WHERE g.points < 0)
        GROUP BY e.member_id, e.source, e.external_id, d.lot_id HAVING sum(d.points) < 0""",
    "held": """
        SELECT m.id, m.held, coalesce(r.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(points) AS total FROM loyalty_redemptions
                   WHERE status = 'requested' GROUP BY 1) r
          ON r.member_id = m.id
        WHERE m.held <> coalesce(r.total, 0)""",
    "hold_allocated": """
        SELECT r.member_id, CASE WHEN r.status = 'requested' THEN r.points ELSE 0 END, coalesce(a.total, 0)
        FROM loyalty_redemptions r
        LEFT JOIN (SELECT member_id, redemption_id, sum(points) AS total FROM loyalty_hold_allocations GROUP BY 1, 2) a
          ON a.member_id = r.member_id AND a.redemption_id = r.id
        WHERE coalesce(a.total, 0) <> CASE WHEN r.status = 'requested' THEN r.points ELSE 0 END""",
    "lot_held": """
        SELECT l.member_id, l.held, coalesce(a.total, 0) FROM loyalty_point_expirations l
        LEFT JOIN (SELECT member_id, lot_id, sum(points) AS total FROM loyalty_hold_allocations GROUP BY 1, 2) a
          ON a.member_id = l.member_id AND a.lot_id = l.id
        WHERE l.held <> coalesce(a.total, 0)""",
    "redemption_debited": """
        SELECT r.member_id, r.points, coalesce(-e.amount, 0) FROM loyalty_redemptions r
        LEFT JOIN loyalty_ledger_entries e ON e.member_id = r.member_id AND e.id = r.ledger_entry_id
        WHERE r.status IN ('fulfilled', 'refunded') AND r.points IS DISTINCT FROM -e.amount""",
    "redemption_restored": """
        SELECT r.member_id, r.restored, coalesce(e.total, 0) FROM loyalty_redemptions r
        LEFT JOIN (
            SELECT member_id, external_id,
                   sum(amount) - sum(coalesce((metadata -> 'takes' ->> 'expired')::bigint, 0)
                                     + coalesce((metadata -> 'takes' ->> 'owed')::bigint, 0)
                                     + coalesce((metadata -> 'takes' ->> 'writtenOff')::bigint, 0)) AS total
            FROM loyalty_ledger_entries WHERE source = 'redemption' AND entry_type = 'reversal' GROUP BY 1, 2) e
          ON e.member_id = r.member_id AND e.external_id = ulid_text(r.id)
        WHERE r.restored <> coalesce(e.total, 0)""",
    "pending": """
        SELECT m.id, m.pending, coalesce(c.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(points) AS total FROM loyalty_pending_credits
                   WHERE activated_at IS NULL AND points > 0 GROUP BY 1) c
          ON c.member_id = m.id
        WHERE m.pending <> coalesce(c.total, 0)""",
    "pending_activated": """
        SELECT c.member_id, CASE WHEN c.activated_at IS NULL THEN 0 ELSE c.points END, coalesce(e.amount, 0)
        FROM loyalty_pending_credits c
        LEFT JOIN loyalty_ledger_entries e ON e.member_id = c.member_id AND e.source = c.source
          AND e.external_id = c.external_id AND e.effect = c.effect
        WHERE e.id IS DISTINCT FROM c.entry_id OR e.amount <> c.points""",
    "owed": """
        SELECT m.id, m.owed, coalesce(o.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(points - recovered - written_off) AS total FROM loyalty_owed GROUP BY 1) o
          ON o.member_id = m.id
        WHERE m.owed <> coalesce(o.total, 0)""",
    "owed_by_entry": """
        SELECT e.member_id, coalesce(o.points, 0), t.missing FROM loyalty_ledger_entries e
        CROSS JOIN LATERAL (
            SELECT coalesce((e.metadata -> 'takes' ->> 'owed')::bigint, 0)
                 + coalesce((e.metadata -> 'takes' ->> 'writtenOff')::bigint, 0) AS missing) t
        LEFT JOIN loyalty_owed o ON o.member_id = e.member_id AND o.entry_id = e.id
        WHERE coalesce(o.points, 0) <> t.missing""",
    "owed_recovered": """
        SELECT m.id, coalesce(o.total, 0), coalesce(e.total, 0) FROM loyalty_members m
        LEFT JOIN (SELECT member_id, sum(recovered) AS total FROM loyalty_owed GROUP BY 1) o ON o.member_id = m.id
        LEFT JOIN (SELECT member_id, -sum(amount) AS total FROM loyalty_ledger_entries
                   WHERE entry_type = 'recovery' GROUP BY 1) e
          ON e.member_id = m.id
        WHERE coalesce(o.total, 0) <> coalesce(e.total, 0)""",
    "owed_written_off": """
        SELECT e.member_id, coalesce(o.written_off, 0), t.written_off FROM loyalty_ledger_entries e
        CROSS JOIN LATERAL (SELECT (e.metadata -> 'takes' ->> 'writtenOff')::bigint AS written_off) t
        LEFT JOIN loyalty_owed o ON o.member_id = e.member_id AND o.entry_id = e.id
        WHERE coalesce(o.written_off, 0) < t.written_off""",
    "recovery_from_credit": """
        SELECT e.member_id, -e.amount, coalesce(d.points, 0) FROM loyalty_ledger_entries e
        LEFT JOIN loyalty_lot_debits d
          ON d.member_id = e.member_id AND d.entry_id = e.id AND ulid_text(d.lot_id) = e.external_id
        WHERE e.entry_type = 'recovery' AND e.metadata ->> 'settled_from' IS NOT NULL
          AND -e.amount IS DISTINCT FROM d.points""",
    "tier": """
        SELECT m.id, coalesce(c.threshold, -1), t.threshold FROM loyalty_members m
        LEFT JOIN loyalty_tiers c ON c.id = m.tier_id
        CROSS JOIN LATERAL (SELECT threshold FROM loyalty_tiers WHERE active AND threshold <= m.lifetime_earned
                            ORDER BY threshold DESC LIMIT 1) t
        WHERE (c.id IS NULL OR c.threshold < t.threshold) AND NOT EXISTS (
            SELECT FROM loyalty_requalifications q
            WHERE q.finished_at IS NULL AND q.changed_at > now() - interval '1 day')""",
    "reward_taken": """
        SELECT NULL::uuid, w.taken, coalesce(r.total, 0) FROM loyalty_rewards w
        LEFT JOIN (SELECT reward_id, count(*) AS total FROM loyalty_redemptions
                   WHERE status IN ('requested', 'fulfilled') AND reward_id IS NOT NULL GROUP BY 1) r
          ON r.reward_id = w.id
        WHERE w.taken <> coalesce(r.total, 0)""",
}

CHECKS: dict[str, Check] = {name: by_sql(statement) for name, statement in _CHECKS.items()}


def add_checks(checks: Mapping[str, Check]) -> None:
    """Let these be made with the ledger's own, each under its name."""
    CHECKS.update(checks)


def verify_ledger(session: Session) -> list[Document]:
    """The differences in one snapshot, so that concurrent writes cannot look like differences.

    Call it first in a transaction, whose statement timeout it switches off.
    """
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    session.execute(text("SET LOCAL statement_timeout = 0"))
    return find_differences(session)


def find_differences(session: Session) -> list[Document]:
    """Every difference between what is stored and what the ledger says: `{check, memberId, stored, recomputed}`."""
    return [
        {"check": name, "memberId": member_id, "stored": stored, "recomputed": recomputed}
        for name, check in CHECKS.items()
        for member_id, stored, recomputed in check(session)
    ]
