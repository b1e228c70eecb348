"""Posting: the only code path that changes points, one statement for any number of entries.

Credits and debits are rows with the columns of `GIVEN` (debits also name the lots they take from), passed as JSON by
`post` or produced in SQL by a statement of `query` (`portal.ledger.statements`). The caller holds the members' row
locks, taken in id order.

What is credited to members who owe points pays that: a further statement, only where there are such members, takes it
out of the credits (CONTRACT-EARNING 8.5, R4).
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
from portal.ledger.statements import GIVEN, Written, query_entries, recover_from_credits
from portal.platform import ids
from portal.platform.documents import Document
from portal.platform.steps import Figures
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
    """The entries, in the order they were given, the tier upgrades they caused, and what paid points owed.

    A recovery follows the credit from which it was taken.
    """

    entries: list[Entry]
    upgrades: list[Upgrade]
    recoveries: list[Entry] = field(default_factory=list)


_POST = query_entries(GIVEN)
_ALREADY = text("""
    SELECT e.member_id, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, t.description,
           coalesce(t.metadata, '{}'::jsonb) || e.metadata AS metadata, e.source, e.external_id, e.effect
    FROM json_to_recordset(CAST(:rows AS json)) AS r(member_id uuid, source text, external_id text, effect text)
    JOIN loyalty_ledger_entries e USING (member_id, source, external_id, effect)
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
""")


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
    written, upgrades, recoveries = _run(session, _POST, values, now, announce=announce)
    return Posted(_in_order(session, rows, written), upgrades, recoveries)


def post_query(session: Session, statement: TextClause, values: Document, now: datetime) -> Posted:
    """Run a statement of `query_entries`; the entries of each member are in no particular order."""
    written, upgrades, recoveries = _run(session, statement, values, now, announce=True)
    return Posted([_entry(row, created=True) for row in written.values()], upgrades, recoveries)


def post_many(session: Session, statement: TextClause, values: Document, now: datetime) -> Figures:
    """Run a statement of `query`; returns `{entries, points, members}`, without what paid points owed."""
    row = session.execute(statement, values).one()
    recover_from_credits(session, row.paying, now)
    if row.risen:
        record_upgrades(session, row.risen, now)
    return {"entries": row.entries, "points": row.points, "members": row.members}


def _run(
    session: Session, statement: TextClause, values: Document, now: datetime, *, announce: bool
) -> tuple[dict[UUID, Written], list[Upgrade], list[Entry]]:
    written = {row.id: row for row in map(Written._make, session.execute(statement, values))}
    risen = {row.member_id for row in written.values() if row.rises}
    upgrades = record_upgrades(session, risen, now, announce=announce) if risen else []
    paying = [row.id for row in written.values() if row.pays]
    recovered = recover_from_credits(session, paying, now) if paying else []
    return written, upgrades, [_entry(row, created=True) for row in recovered]


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


def _in_order(session: Session, rows: list[Document], written: dict[UUID, Written]) -> list[Entry]:
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


def _entry(row: Written | _Earlier, *, created: bool) -> Entry:
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
