"""The posting statement, one for any number of entries, given as JSON or produced in SQL.

It skips entries already posted (idempotent per member, source, external id and effect), assigns `seq` and
`balance_after`, updates totals and lots, and records the weeks that qualify for a streak with their place in it, in
whatever order they arrive. A `recovery` lowers what its member owes.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text

from portal.ledger.models import PAYING
from portal.platform.documents import Document

GIVEN = """
    given AS (
        SELECT r.* FROM json_to_recordset(CAST(:rows AS json)) AS r(
            ord bigint, member_id uuid, id uuid, entry_type text, amount bigint, qualifying bigint,
            qualifies_at timestamptz, metadata jsonb, texts jsonb, source text, external_id text, effect text,
            occurred_at timestamptz, posted_at timestamptz, expires_at timestamptz, week date, pending bigint)
    ), takes AS (
        SELECT t.* FROM json_to_recordset(CAST(:takes AS json)) AS t(
            entry_id uuid, lot_id uuid, points bigint, held bigint)
    )
"""

# Whether an entry is known is looked up one by one (OFFSET 0): planned as a join, each posting to a small ledger would
# read all of it, for the planner takes JSON to have a hundred rows.
_WRITE = """
    , fresh AS (
        SELECT g.*, row_number() OVER w AS n, sum(g.amount) OVER w AS running
        FROM (SELECT DISTINCT ON (member_id, source, external_id, effect) *
              FROM given ORDER BY member_id, source, external_id, effect, ord) g
        WHERE NOT EXISTS (
            SELECT FROM loyalty_ledger_entries e
            WHERE e.member_id = g.member_id AND e.source = g.source AND e.external_id = g.external_id
              AND e.effect = g.effect OFFSET 0)
        WINDOW w AS (PARTITION BY g.member_id ORDER BY g.ord)
    ), taken AS (
        SELECT f.member_id, t.entry_id, t.lot_id, t.points, t.held FROM takes t JOIN fresh f ON f.id = t.entry_id
    ), moved AS (
        UPDATE loyalty_members m
        SET balance = m.balance + t.amount, lifetime_earned = m.lifetime_earned + t.qualifying,
            last_seq = m.last_seq + t.entries, held = m.held - t.held, pending = m.pending - t.pending,
            owed = m.owed - t.recovered
        FROM (SELECT f.member_id, sum(f.amount)::bigint AS amount, sum(f.qualifying)::bigint AS qualifying,
                     sum(f.pending)::bigint AS pending, count(*) AS entries, coalesce(max(h.held), 0) AS held,
                     coalesce(-sum(f.amount) FILTER (WHERE f.entry_type = 'recovery'), 0)::bigint AS recovered
              FROM fresh f
              LEFT JOIN (SELECT member_id, sum(held)::bigint AS held FROM taken GROUP BY member_id) h USING (member_id)
              GROUP BY f.member_id) t
        WHERE m.id = t.member_id
        RETURNING m.id, m.balance - t.amount AS balance, m.last_seq - t.entries AS seq, m.lifetime_earned, m.tier_id,
                  m.owed
    ), written AS (
        INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after,
            qualifying, qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
        SELECT f.member_id, m.seq + f.n, f.id, f.occurred_at, f.entry_type, f.amount, m.balance + f.running,
               f.qualifying, f.qualifies_at, f.posted_at, (SELECT max(id) FROM programme_versions), f.metadata,
               f.source, f.external_id, f.effect
        FROM fresh f JOIN moved m ON m.id = f.member_id
        RETURNING member_id, id, occurred_at, entry_type, amount, balance_after, metadata
    ), worded AS (
        INSERT INTO loyalty_ledger_texts (member_id, entry_id, description, note, metadata)
        SELECT f.member_id, f.id, f.texts ->> 'description', f.texts ->> 'note', f.texts -> 'metadata'
        FROM fresh f WHERE f.texts IS NOT NULL
        RETURNING entry_id, description, metadata
    ), opened AS (
        INSERT INTO loyalty_point_expirations (member_id, id, seq, points, remaining, opened_at, expires_at)
        SELECT f.member_id, f.id, m.seq + f.n, f.amount - coalesce(g.points, 0), f.amount - coalesce(g.points, 0),
               f.occurred_at, f.expires_at
        FROM fresh f JOIN moved m ON m.id = f.member_id
        LEFT JOIN (SELECT entry_id, -sum(points)::bigint AS points FROM taken WHERE points < 0 GROUP BY entry_id) g
          ON g.entry_id = f.id
        WHERE f.amount > coalesce(g.points, 0)
    ), drained AS (
        UPDATE loyalty_point_expirations l
        SET remaining = l.remaining - t.points, held = l.held - t.held, restored = l.restored + t.given
        FROM (SELECT member_id, lot_id, sum(points)::bigint AS points, sum(held)::bigint AS held,
                     sum(greatest(-points, 0))::bigint AS given
              FROM taken GROUP BY member_id, lot_id) t
        WHERE l.member_id = t.member_id AND l.id = t.lot_id
    ), noted AS (
        INSERT INTO loyalty_lot_debits (member_id, entry_id, lot_id, points)
        SELECT member_id, entry_id, lot_id, points FROM taken
    ), begun AS (
        SELECT DISTINCT f.member_id, f.week FROM fresh f
        WHERE f.week IS NOT NULL AND NOT EXISTS (
            SELECT FROM loyalty_streak_weeks s WHERE s.member_id = f.member_id AND s.week = f.week)
    ), runs AS (
        SELECT member_id, week, length, row_number() OVER (PARTITION BY member_id, run ORDER BY week) AS place
        FROM (SELECT *, week - 7 * (row_number() OVER (PARTITION BY member_id ORDER BY week))::int AS run
              FROM (SELECT member_id, week, NULL::int AS length FROM begun
                    UNION ALL
                    SELECT b.member_id, s.week, s.length FROM (SELECT DISTINCT member_id FROM begun) b
                    CROSS JOIN LATERAL (SELECT week, length FROM loyalty_streak_weeks WHERE member_id = b.member_id
                                        OFFSET 0) s) known) numbered
    ), weeks AS (
        INSERT INTO loyalty_streak_weeks (member_id, week, length)
        SELECT member_id, week, place FROM runs WHERE length IS NULL
    ), lengthened AS (
        UPDATE loyalty_streak_weeks s SET length = r.place
        FROM runs r WHERE s.member_id = r.member_id AND s.week = r.week AND r.length <> r.place
    ), risen AS (
        SELECT m.id FROM moved m WHERE EXISTS (
            SELECT FROM loyalty_tiers t
            WHERE t.active AND t.threshold <= m.lifetime_earned
              AND t.threshold > coalesce((SELECT c.threshold FROM loyalty_tiers c WHERE c.id = m.tier_id), -1))
    ), doubted AS (
        INSERT INTO loyalty_tier_doubts (member_id, entry_id, points, posted_at)
        SELECT f.member_id, f.id, -f.qualifying, f.posted_at
        FROM fresh f JOIN moved m ON m.id = f.member_id JOIN loyalty_tiers c ON c.id = m.tier_id
        WHERE f.qualifying < 0 AND m.lifetime_earned < c.threshold
    )
"""

# Whether a written entry is of a credit that pays what its member owes.
_PAYS = f"m.owed > 0 AND w.entry_type IN {PAYING}"
_ENTRIES = f"""
    SELECT w.member_id, w.id, w.occurred_at, w.entry_type, w.amount, w.balance_after, t.description,
           coalesce(t.metadata, '{{}}'::jsonb) || w.metadata AS metadata, m.id IN (SELECT id FROM risen) AS rises,
           {_PAYS} AS pays
    FROM written w JOIN moved m ON m.id = w.member_id LEFT JOIN worded t ON t.entry_id = w.id
"""
_TOTALS = f"""
    SELECT count(*) AS entries, coalesce(sum(abs(w.amount)), 0)::bigint AS points,
           count(DISTINCT w.member_id) AS members, ARRAY(SELECT id FROM risen) AS risen,
           coalesce(array_agg(w.id) FILTER (WHERE {_PAYS}), '{{}}') AS paying
    FROM written w JOIN moved m ON m.id = w.member_id
"""


class Written(NamedTuple):
    """An entry written by this statement; whether its member now qualifies for a higher tier, and owes what it pays."""

    member_id: UUID
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document
    rises: bool
    pays: bool


def query(given: str, then: str = "") -> TextClause:
    """The posting statement for entries made in SQL: CTEs `given` and `takes` with the columns of `GIVEN`.

    `then` are further CTEs, which may use `fresh`, the entries that are new. The statement returns one row: entries,
    points, members, `risen`, the ids of members who reached a higher tier, and `paying`, the ids of credits to members
    who owe points.
    """
    return text(f"WITH {given} {_WRITE} {then} {_TOTALS}")


def query_entries(given: str, then: str = "") -> TextClause:
    """As `query`, for `post_query`, which returns the entries themselves."""
    return text(f"WITH {given} {_WRITE} {then} {_ENTRIES}")
