"""One sentence that explains each ledger entry, lot and hold of a member."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from portal.desk.reads import HoldRow, LotRow
from portal.ledger import describe, describe_shortfall, labels_of
from portal.platform import clock
from portal.platform.documents import Document
from portal.platform.formatting import format_date_in, grouped, reader_zone

# How many lots a sentence names before it only counts the others.
LOTS_NAMED = 4


class EntryRow(Protocol):
    """A ledger entry with the lot it opened, or the first lots it took from or gave back to.

    `taken` says of each: points, when they came (`at`), and the entry's type, metadata and written description.
    """

    entry_type: str
    amount: int
    description: str | None
    metadata: Document
    lot_remaining: int
    lot_held: int
    lot_expires_at: datetime | None
    taken: list[Document] | None
    lots_taken: int


def describe_entry(row: EntryRow) -> str:
    """What a ledger entry is about."""
    return describe(row.entry_type, row.metadata, row.description)


def explain_entry(row: EntryRow) -> str:
    """Where the points of a ledger entry came from or went, and which lots are concerned."""
    words, what = labels_of(row.entry_type), describe_entry(row)
    if row.amount > 0:
        came = f"{_points(row.amount)} came in {words.came.format(what=what)}"
        if row.taken:
            return f"{came}, where they came from: {_taken(row.taken, row.lots_taken)}."
        return f"{came}; {_left(row.lot_remaining, row.lot_held, row.lot_expires_at)}."
    went = f"{_points(-row.amount)} {words.went.format(what=what)}"
    lots = f": {_taken(row.taken, row.lots_taken)}" if row.taken else ""
    return f"{went}{lots}{describe_shortfall(row.metadata)}."


def explain_lot(lot: LotRow) -> str:
    """What opened a lot, and what has happened to its points."""
    came = f"{_points(lot.points)} came in {labels_of(lot.entry_type).came.format(what=lot.description)}"
    spent = lot.points - lot.remaining
    gone = f"; {_points(spent)} of them {'is' if spent == 1 else 'are'} used" if spent else ""
    return f"{came} on {day(lot.opened_at)}{gone}; {_left(lot.remaining, lot.held, lot.expires_at)}."


def explain_hold(rows: Sequence[HoldRow]) -> str:
    """What an open request holds, and in which lots."""
    first = rows[0]
    parts = [f"{_points(row.taken)} of “{row.lot}” from {day(row.opened_at)}" for row in rows[:LOTS_NAMED]]
    more = len(rows) - len(parts)
    also = f", and of {more} more {'lot' if more == 1 else 'lots'}" if more else ""
    return f"“{first.description}” holds {_points(first.points)}: {', '.join(parts)}{also}."


def day(moment: datetime) -> str:
    """The day in the reader's time zone."""
    return format_date_in(moment, clock.now(), reader_zone())


def _left(remaining: int, held: int, expires_at: datetime | None) -> str:
    if not remaining:
        return "none of them are left"
    kept = f", {grouped(held)} on hold" if held else ""
    if expires_at is None:
        return f"{grouped(remaining)} left{kept}, which never expire"
    return f"{grouped(remaining)} left{kept}, {'due since' if expires_at <= clock.now() else 'until'} {day(expires_at)}"


def _taken(parts: Sequence[Document], lots: int) -> str:
    said = [
        f"{grouped(p['points'])} of “{describe(p['entry_type'], p['metadata'], p['description'])}” "
        f"from {day(datetime.fromisoformat(p['at']))}"
        for p in parts
    ]
    more = lots - len(said)
    return ", ".join(said) + (f", and the rest of {more} more {'lot' if more == 1 else 'lots'}" if more > 0 else "")


def _points(amount: int) -> str:
    return f"{grouped(amount)} {'point' if amount == 1 else 'points'}"
