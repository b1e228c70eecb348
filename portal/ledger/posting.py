"""Posting: the only code path that changes points, one statement for any number of entries.

Credits and debits are rows with the columns of `GIVEN` (debits also name the lots they take from), passed as JSON by
`post` or produced in SQL by a statement of `query`; their `pending` is how many of the points were pending before. The
statement skips entries already posted (idempotent per member, source, external id and effect), assigns `seq` and
`balance_after`, updates totals and lots, and records the weeks that qualify for a streak with their place in it, in
whatever order they arrive. The caller holds the members' row locks, taken in id order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.ledger.models import EARNED, EntryType
from portal.platform import ids
from portal.platform.documents import Document
from portal.tiers import Upgrade, record_upgrades


@dataclass(frozen=True, slots=True)
class Take:
    """Points that a debit takes from a lot, `held` of them on hold there; negative: what a restore gives back to it."""

    lot_id: UUID
    points: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class Texts:
    """What people wrote about an entry, stored beside it: what the member reads, and the writer's own metadata.

    `note` is for operators only: it is in no answer to a member.
    """

    description: str
    metadata: Document = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """One point change to be written. `source`, `external_id` and `effect` make it unique for the member.

    `metadata` are codes, ids and amounts that the portal itself writes; what people wrote are its `texts`.
    A credit opens a lot that lives until `expires_at` (None: for ever), of what it does not give back to lots; a debit
    lists the points it takes from each lot. `qualifying` is what it adds to tiers (None: its amount, for a credit of an
    earned type), by the date `qualifies_at` (None: when it occurs). `week` is the Monday of the week that it qualifies
    for a streak, or None.
    """

    member_id: UUID
    amount: int
    entry_type: EntryType
    source: str
    external_id: str
    effect: str
    occurred_at: datetime
    metadata: Document = field(default_factory=dict)
    texts: Texts | None = None
    expires_at: datetime | None = None
    takes: tuple[Take, ...] = ()
    week: date | None = None
    qualifying: int | None = None
    qualifies_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry as it was written; `created` is False when it had been posted before.

    `description` is what somebody wrote (None: nothing), `metadata` includes what stands beside the entry.
    """

    member_id: UUID
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document
    created: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """The entries, in the order they were given, and the tier upgrades they caused."""

    entries: list[Entry]
    upgrades: list[Upgrade]


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

_WRITE = """
    , fresh AS (
        SELECT g.*, row_number() OVER w AS n, sum(g.amount) OVER w AS running
        FROM (SELECT DISTINCT ON (member_id, source, external_id, effect) *
              FROM given ORDER BY member_id, source, external_id, effect, ord) g
        WHERE NOT EXISTS (
            SELECT FROM loyalty_ledger_entries e
            WHERE e.member_id = g.member_id AND e.source = g.source AND e.external_id = g.external_id
              AND e.effect = g.effect)
        WINDOW w AS (PARTITION BY g.member_id ORDER BY g.ord)
    ), taken AS (
        SELECT f.member_id, t.entry_id, t.lot_id, t.points, t.held FROM takes t JOIN fresh f ON f.id = t.entry_id
    ), moved AS (
        UPDATE loyalty_members m
        SET balance = m.balance + t.amount, lifetime_earned = m.lifetime_earned + t.qualifying,
            last_seq = m.last_seq + t.entries, held = m.held - t.held, pending = m.pending - t.pending
        FROM (SELECT f.member_id, sum(f.amount)::bigint AS amount, sum(f.qualifying)::bigint AS qualifying,
                     sum(f.pending)::bigint AS pending, count(*) AS entries, coalesce(max(h.held), 0) AS held
              FROM fresh f
              LEFT JOIN (SELECT member_id, sum(held)::bigint AS held FROM taken GROUP BY member_id) h USING (member_id)
              GROUP BY f.member_id) t
        WHERE m.id = t.member_id
        RETURNING m.id, m.balance - t.amount AS balance, m.last_seq - t.entries AS seq, m.lifetime_earned, m.tier_id
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
    )
"""

_ENTRIES = """
    SELECT w.member_id, w.id, w.occurred_at, w.entry_type, w.amount, w.balance_after, t.description,
           coalesce(t.metadata, '{}'::jsonb) || w.metadata AS metadata, w.member_id IN (SELECT id FROM risen) AS rises
    FROM written w LEFT JOIN worded t ON t.entry_id = w.id
"""
_TOTALS = """
    SELECT count(*) AS entries, coalesce(sum(abs(amount)), 0)::bigint AS points, count(DISTINCT member_id) AS members,
           ARRAY(SELECT id FROM risen) AS risen FROM written
"""
_POST = text(f"WITH {GIVEN} {_WRITE} {_ENTRIES}")

_ALREADY = text("""
    SELECT e.member_id, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, t.description,
           coalesce(t.metadata, '{}'::jsonb) || e.metadata AS metadata, e.source, e.external_id, e.effect
    FROM json_to_recordset(CAST(:rows AS json)) AS r(member_id uuid, source text, external_id text, effect text)
    JOIN loyalty_ledger_entries e USING (member_id, source, external_id, effect)
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
""")


class _Written(NamedTuple):
    """An entry written by this statement, and whether its member now qualifies for a higher tier."""

    member_id: UUID
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document
    rises: bool


class _Earlier(NamedTuple):
    """An entry that had been posted before, and the values that make it unique for its member."""

    member_id: UUID
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document
    source: str
    external_id: str
    effect: str


def post(session: Session, postings: Sequence[Posting], now: datetime, *, announce: bool = True) -> Posted:
    """Write these entries, each at most once for its member, source, external id and effect.

    Tier upgrades that result are announced to the members unless `announce` is False.

    The caller holds the row locks of all members concerned and has made sure that debits are covered by their takes.
    """
    rows = [_row(posting, number, now) for number, posting in enumerate(postings)]
    takes = [
        {"entry_id": row["id"], "lot_id": take.lot_id, "points": take.points, "held": take.held}
        for row, posting in zip(rows, postings, strict=True)
        for take in posting.takes
    ]
    values = {"rows": orjson.dumps(rows).decode(), "takes": orjson.dumps(takes).decode()}
    written, upgrades = _run(session, _POST, values, now, announce=announce)
    return Posted(_in_order(session, rows, written), upgrades)


def query(given: str, then: str = "") -> TextClause:
    """The posting statement for entries made in SQL: CTEs `given` and `takes` with the columns of `GIVEN`.

    `then` are further CTEs, which may use `fresh`, the entries that are new. The statement returns one row: entries,
    points, members and `risen`, the ids of members who reached a higher tier.
    """
    return text(f"WITH {given} {_WRITE} {then} {_TOTALS}")


def query_entries(given: str, then: str = "") -> TextClause:
    """As `query`, for `post_query`, which returns the entries themselves."""
    return text(f"WITH {given} {_WRITE} {then} {_ENTRIES}")


def post_query(session: Session, statement: TextClause, values: Document, now: datetime) -> Posted:
    """Run a statement of `query_entries`; the entries of each member are in no particular order."""
    written, upgrades = _run(session, statement, values, now, announce=True)
    return Posted([_entry(row, created=True) for row in written.values()], upgrades)


def _run(
    session: Session, statement: TextClause, values: Document, now: datetime, *, announce: bool
) -> tuple[dict[UUID, _Written], list[Upgrade]]:
    written = {row.id: row for row in map(_Written._make, session.execute(statement, values))}
    risen = {row.member_id for row in written.values() if row.rises}
    return written, record_upgrades(session, risen, now, announce=announce) if risen else []


def _row(posting: Posting, number: int, now: datetime) -> Document:
    taken = sum(take.points for take in posting.takes if take.points > 0)
    given = -sum(take.points for take in posting.takes if take.points < 0)
    if taken != max(-posting.amount, 0) or given > max(posting.amount, 0):
        raise ValueError(f"a posting of {posting.amount} points takes {taken} from its lots and gives {given} back")
    return {
        "ord": number,
        "id": ids.new_id(),
        "member_id": posting.member_id,
        "entry_type": posting.entry_type,
        "amount": posting.amount,
        "qualifying": _qualifying(posting),
        "qualifies_at": posting.qualifies_at or posting.occurred_at,
        "posted_at": now,
        "metadata": posting.metadata,
        "texts": posting.texts,
        "source": posting.source,
        "external_id": posting.external_id,
        "effect": posting.effect,
        "occurred_at": posting.occurred_at,
        "expires_at": posting.expires_at,
        "week": posting.week,
        "pending": 0,
    }


def _qualifying(posting: Posting) -> int:
    if posting.qualifying is not None:
        return posting.qualifying
    return posting.amount if posting.amount > 0 and posting.entry_type in EARNED else 0


def _in_order(session: Session, rows: list[Document], written: dict[UUID, _Written]) -> list[Entry]:
    """The entry of each row: the one written now, or the one that had been posted before."""
    known = {_effect(row): _entry(written[row["id"]], created=True) for row in rows if row["id"] in written}
    missing = [row for row in rows if _effect(row) not in known]
    if missing:
        given = [{name: row[name] for name in ("member_id", "source", "external_id", "effect")} for row in missing]
        for found in map(_Earlier._make, session.execute(_ALREADY, {"rows": orjson.dumps(given).decode()})):
            known[found.member_id, found.source, found.external_id, found.effect] = _entry(found, created=False)
    return [known[_effect(row)] for row in rows]


def _effect(row: Document) -> tuple[UUID, str, str, str]:
    return row["member_id"], row["source"], row["external_id"], row["effect"]


def _entry(row: _Written | _Earlier, *, created: bool) -> Entry:
    return Entry(
        row.member_id,
        row.id,
        row.occurred_at,
        row.entry_type,
        row.amount,
        row.balance_after,
        row.description,
        row.metadata,
        created,
    )
