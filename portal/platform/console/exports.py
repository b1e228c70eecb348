"""CSV exports of tables: streamed in batches, so that memory stays constant and no transaction stays open."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from uuid import UUID

from flask import Response, stream_with_context

from portal.platform import clock, ids
from portal.platform.console.tables import Table, View, list_batch, read_view
from portal.platform.db.reads import Values
from portal.platform.settings import current_settings

BATCH = 2_000
# A spreadsheet takes a text that begins with one of these for a formula (OWASP, CSV injection); in some languages the
# wide forms too. Where cells are parted by semicolons or tabs, a text begins anew after one, and after a line break.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PARTED = r"(^|[;\t\r\n])"
_FORMULA = r"""(?=[ \u00a0\u3000"\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠])"""
_EXECUTED = re.compile(_PARTED + _FORMULA)
_GUARDED = re.compile(_PARTED + "'" + _FORMULA)


def guard_cell(value: object) -> object:
    """The value as a cell that no spreadsheet executes; numbers stay numbers, times are RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return ids.encode(value)
    if isinstance(value, list | tuple):
        value = " ".join(str(part) for part in value)
    return guard_text(value) if isinstance(value, str) else value


def guard_text(value: str) -> str:
    """The text with an apostrophe wherever a spreadsheet may take what follows for a formula."""
    guarded = _EXECUTED.sub(r"\1'", value)
    return f"'{guarded}" if guarded.startswith(FORMULA_STARTS) else guarded


def unguard_text(value: str) -> str:
    """The text without the apostrophes that `guard_text` has put there."""
    bare = value[1:] if value.startswith("'") and value[1:].startswith(FORMULA_STARTS) else value
    return _GUARDED.sub(r"\1", bare)


def stream_csv(table: Table, args: Mapping[str, str], values: Values | None = None) -> Response:
    """Every row of the table as it is filtered now, as a download in the order of its key.

    :raises portal.platform.problems.InvalidInput: the query string asks for what there is not.
    """
    return download(table.name, _lines(read_view(table, args), values or {}))


def download(name: str, lines: Iterator[str]) -> Response:
    """CSV lines as a file named after what it holds and the programme's day, streamed as they are made."""
    today = clock.now().astimezone(current_settings().timezone).date()
    file_name = f"{name}-{today}.csv"
    return Response(
        stream_with_context(lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"},
    )


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of CSV, each cell guarded."""
    lines = StringIO()
    csv.writer(lines).writerows([guard_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def _lines(view: View, values: Values) -> Iterator[str]:
    exported = [column for column in view.table.columns if column.exported]
    yield csv_lines([[column.key for column in exported]])
    after = None
    while True:
        rows, after = list_batch(view, values, after, BATCH)
        if rows:
            yield csv_lines([getattr(row, column.key) for column in exported] for row in rows)
        if after is None:
            return
