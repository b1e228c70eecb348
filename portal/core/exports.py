"""CSV exports of tables: streamed in batches, so that memory stays constant and no transaction stays open."""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import UUID

from flask import Response, stream_with_context

from portal.core import clock, ids
from portal.core.tables import Table, View, list_batch, read_view

BATCH = 2_000
# A spreadsheet takes a text that begins with one of these for a formula (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def guard_cell(value: Any) -> Any:
    """The value as a cell that no spreadsheet executes; numbers stay numbers, times are RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return ids.encode(value)
    if isinstance(value, list | tuple):
        value = " ".join(str(part) for part in value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def stream_csv(table: Table, args: Mapping[str, str], values: Mapping[str, Any] | None = None) -> Response:
    """Every row of the table as it is filtered now, as a download in the order of its key.

    :raises portal.core.problems.InvalidInput: the query string asks for what there is not.
    """
    view = read_view(table, args)
    name = f"{table.name}-{clock.now():%Y-%m-%d}.csv"
    return Response(
        stream_with_context(_lines(view, values or {})), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


def _lines(view: View, values: Mapping[str, Any]) -> Iterator[str]:
    exported = [column for column in view.table.columns if column.exported]
    yield _csv([[column.key for column in exported]])
    after = None
    while True:
        rows, after = list_batch(view, values, after, BATCH)
        if rows:
            yield _csv([[guard_cell(getattr(row, column.key)) for column in exported] for row in rows])
        if after is None:
            return


def _csv(rows: list[list[Any]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
