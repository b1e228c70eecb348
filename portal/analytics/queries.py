"""Reads of snapshots: one statement a page, keyset by the night."""

from datetime import date
from typing import Any

from sqlalchemy import text

from portal.core.cursors import decode, encode
from portal.core.reads import read_all

SCOPE = ("analytics-velocity",)
_PAGE = text("""
    SELECT id, night, captured_at, figures FROM loyalty_analytics_snapshots
    WHERE night < :before ORDER BY night DESC LIMIT :limit
""")


def list_snapshots(*, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
    """A page of snapshots, newest first: `{snapshots, nextCursor}`.

    :raises portal.core.cursors.InvalidCursor: the cursor is not of this list.
    """
    position = decode(cursor, *SCOPE)
    before = date.fromisoformat(position) if position else date.max
    rows = read_all(_PAGE, {"before": before, "limit": limit + 1})
    more = encode(rows[limit - 1].night.isoformat(), *SCOPE) if len(rows) > limit else None
    return {"snapshots": [_document(row) for row in rows[:limit]], "nextCursor": more}


def _document(row: Any) -> dict[str, Any]:
    return {"id": row.id, "night": row.night, "capturedAt": row.captured_at, **row.figures}
