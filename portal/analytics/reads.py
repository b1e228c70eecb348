"""Reads of snapshots: one statement a page, keyset by the night."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from portal.platform.db.cursors import decode, encode
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid

SCOPE = ("analytics-velocity",)
_PAGE = text("""
    SELECT id, night, captured_at, figures FROM loyalty_analytics_snapshots
    WHERE night < :before ORDER BY night DESC LIMIT :limit
""")
_LAST = text("""
    SELECT coalesce(
        (SELECT night FROM loyalty_analytics_snapshots WHERE night < :before ORDER BY night DESC LIMIT 1),
        (SELECT CAST(min(occurred_at) AT TIME ZONE :zone AS date) FROM loyalty_ledger_entries)) AS night
""")
_DETAILS = text("SELECT details FROM loyalty_analytics_snapshots WHERE night = :night")


@dataclass(frozen=True, slots=True)
class Night:
    """The figures of a night, as of when they were captured."""

    night: date
    captured_at: datetime
    figures: Document


class SnapshotRow(NamedTuple):
    """The figures of a night."""

    id: UUID
    night: date
    captured_at: datetime
    figures: Document


def list_snapshots(*, limit: int = 20, cursor: str | None = None) -> Document:
    """A page of snapshots, newest first: `{snapshots, nextCursor}`.

    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    position = decode(cursor, *SCOPE)
    before = date.fromisoformat(position) if position else date.max
    rows: list[SnapshotRow] = read_all(_PAGE, {"before": before, "limit": limit + 1})
    more = encode(rows[limit - 1].night.isoformat(), *SCOPE) if len(rows) > limit else None
    return {"snapshots": [_document(row) for row in rows[:limit]], "nextCursor": more}


def _document(row: SnapshotRow) -> Document:
    return {"id": ulid(row.id), "night": row.night, "capturedAt": row.captured_at, **row.figures}


def list_nights(count: int) -> list[Night]:
    """The figures of the `count` nights up to the newest captured, oldest first; missed ones are left out."""
    rows: list[SnapshotRow] = read_all(_PAGE, {"before": date.max, "limit": count})
    nights = [Night(row.night, row.captured_at, row.figures) for row in reversed(rows)]
    return [night for night in nights if nights[-1].night - night.night < timedelta(days=count)]


def get_last_night(before: date, zone: ZoneInfo) -> date | None:
    """The last night captured before that one, else the day of the first ledger entry; None if there is neither."""
    row = read_one(_LAST, {"before": before, "zone": zone.key})
    return row.night if row else None


def get_details(night: date) -> Document:
    """What only the consoles show of a night: forecast, funnel, message totals and cohorts."""
    row = read_one(_DETAILS, {"night": night})
    return row.details if row else {}
