"""CSV exports of tables: streamed in batches, so that memory stays constant and no transaction stays open."""

from collections.abc import Iterator, Mapping

from flask import Response, stream_with_context

from portal.platform import clock
from portal.platform.console.tables import Table, View, list_batch, read_view
from portal.platform.csv_cells import csv_lines
from portal.platform.db.reads import Values
from portal.platform.settings import current_settings

BATCH = 2_000


def stream_csv(table: Table, args: Mapping[str, str], values: Values | None = None) -> Response:
    """Every row that the current filters select, as a download ordered by key.

    :raises portal.platform.problems.InvalidInput: if the query string has a value that is not accepted.
    """
    return download(table.name, _lines(read_view(table, args), values or {}))


def download(name: str, lines: Iterator[str]) -> Response:
    """CSV lines as a streamed download; the file name is `name` and today's date in the programme's time zone."""
    today = clock.now().astimezone(current_settings().programme_timezone).date()
    file_name = f"{name}-{today}.csv"
    return Response(
        stream_with_context(lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"},
    )


def _lines(view: View, values: Values) -> Iterator[str]:
    exported = [column for column in view.table.columns if column.exported]
    yield csv_lines([[column.key for column in exported]])
    after = None
    while True:
        rows, after = list_batch(view, values, after, BATCH)
        if rows:
            yield csv_lines([column.value(row) for column in exported] for row in rows)
        if after is None:
            return
