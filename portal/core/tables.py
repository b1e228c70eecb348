"""Tables of the consoles: one description gives the page, its filters, its order, its pages and its CSV export.

A table reads by keyset: a page costs the rows it shows, wherever it stands. What it sorts by is never null.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import current_app, request
from sqlalchemy import TextClause, text

from portal.core import cursors
from portal.core.days import start_of_day, start_of_next_day
from portal.core.problems import InvalidInput
from portal.core.reads import read_all

PAGE_SIZES = (25, 50, 100)
LONGEST_FILTER = 200
STEERING = ("sort", "cursor", "limit", "format")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` names it in the statement, `expression` is its SQL.

    `kind` says how it reads: text, points, signed, number, money, percent, moment, day, status, code or flag.
    `sorts` is the SQL type of an expression that is never null and may be sorted by; empty: it is not.
    `shown` is False for what only links and actions, or only the export, need.
    """

    key: str
    label: str
    expression: str
    kind: str = "text"
    sorts: str = ""
    shown: bool = True
    exported: bool = True


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to narrow a table: `condition` is SQL with the parameter `:name`.

    With `choices` (value, label) it is a list to choose from, else a box to type in (`kind`: search or date). A date
    is a day of the programme's time zone: its condition gets the day's first moment, or the first after it (`over`).
    """

    name: str
    label: str
    condition: str
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "search"
    over: bool = False

    def value(self, given: str, zone: tzinfo) -> str | datetime:
        """What the condition gets for what was typed."""
        if self.kind != "date":
            return given
        day = date.fromisoformat(given)
        return start_of_next_day(day, zone) if self.over else start_of_day(day, zone)


def day_filters(moment: str) -> tuple[Filter, Filter]:
    """From a day and to a day, by an SQL expression that is a moment."""
    since = Filter("since", "From", f"{moment} >= :since", kind="date")
    return since, Filter("until", "To", f"{moment} < :until", kind="date", over=True)


@dataclass(frozen=True, slots=True)
class Table:
    """What there is to see: rows of `source` (SQL after FROM), limited by `where`, told apart by `key`.

    `order` is the column it is sorted by at first, with a minus in front for descending.
    """

    name: str
    source: str
    key: str
    key_type: str
    columns: tuple[Column, ...]
    order: str
    filters: tuple[Filter, ...] = ()
    where: str = "true"

    def column(self, key: str) -> Column:
        """The column of that key."""
        return next(column for column in self.columns if column.key == key)


@dataclass(frozen=True, slots=True)
class View:
    """A table as somebody looks at it: filtered, ordered, from a cursor on."""

    table: Table
    sort: str
    descending: bool
    filters: dict[str, str]
    limit: int
    cursor: str | None = None

    def values(self) -> dict[str, str | datetime]:
        """The parameters of its filters' conditions."""
        zone = current_app.config["SETTINGS"].timezone
        return {f.name: f.value(self.filters[f.name], zone) for f in self.table.filters if f.name in self.filters}

    @property
    def order(self) -> str:
        """The order as it stands in the URL."""
        return ("-" if self.descending else "") + self.sort

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.filters)

    def url(self, **changes: str | None) -> str:
        """This page's address with other steering; a change starts at the first row again."""
        standing = {**self.filters, "sort": self.order if self.order != self.table.order else None}
        standing["limit"] = str(self.limit) if self.limit != PAGE_SIZES[0] else None
        wanted = {name: value for name, value in {**standing, **changes}.items() if value}
        return f"{request.path}?{urlencode(wanted)}" if wanted else request.path

    def sort_url(self, column: Column) -> str:
        """The address that sorts by this column, the other way round when it does so already."""
        descending = not self.descending if self.sort == column.key else column.kind not in ("text", "code", "status")
        return self.url(sort=("-" if descending else "") + column.key)


@dataclass(frozen=True, slots=True)
class TablePage:
    """Rows to show, and the cursor of those after them."""

    view: View
    rows: list[Any] = field(default_factory=list)
    next_cursor: str | None = None

    @property
    def table(self) -> Table:
        """The table these rows are of."""
        return self.view.table

    @property
    def next_url(self) -> str | None:
        """The address of the rows after these, None at the end."""
        return self.view.url(cursor=self.next_cursor) if self.next_cursor else None


def read_view(table: Table, args: Mapping[str, str]) -> View:
    """How the query string asks to see the table.

    :raises InvalidInput: an unknown order, choice or number of rows.
    """
    order = args.get("sort") or table.order
    sort = order.removeprefix("-")
    sortable = {column.key for column in table.columns if column.sorts}
    if sort not in sortable:
        raise InvalidInput(("sort", f"must be one of {', '.join(sorted(sortable))}"))
    limit = args.get("limit") or str(PAGE_SIZES[0])
    if limit not in map(str, PAGE_SIZES):
        raise InvalidInput(("limit", f"must be one of {', '.join(map(str, PAGE_SIZES))}"))
    filters = {f.name: _accepted(f, args[f.name].strip()) for f in table.filters if args.get(f.name, "").strip()}
    return View(table, sort, order.startswith("-"), filters, int(limit), args.get("cursor") or None)


def list_page(table: Table, args: Mapping[str, str], values: Mapping[str, Any] | None = None) -> TablePage:
    """The rows that the query string asks for. `values` are the parameters that the table itself needs; cursors are
    bound to them, except to times, which move on from page to page.

    :raises InvalidInput: the query string asks for what there is not.
    :raises portal.core.cursors.InvalidCursor: the cursor is of another table, order or filter.
    """
    view = read_view(table, args)
    whose = {name: value for name, value in (values or {}).items() if not isinstance(value, datetime)}
    scope = ("table", table.name, view.order, view.filters, whose)
    at, key = cursors.decode(view.cursor, *scope) or (None, None)
    rows = read_all(
        _page_statement(table, view.sort, view.descending, tuple(view.filters), at is not None),
        {**(values or {}), **view.values(), "sort_at": at, "sort_key": key, "row_limit": view.limit + 1},
    )
    more = None
    if len(rows) > view.limit:
        last = rows[view.limit - 1]
        more = cursors.encode((last.sort_at, last.sort_key), *scope)
    return TablePage(view, rows[: view.limit], more)


def list_batch(view: View, values: Mapping[str, Any], after: str | None, size: int) -> tuple[list[Any], str | None]:
    """Up to `size` filtered rows in the order of the key, after that key, and the last key; for exports."""
    rows = read_all(
        _batch_statement(view.table, tuple(view.filters), after is not None),
        {**values, **view.values(), "sort_key": after, "row_limit": size},
    )
    return rows, rows[-1].sort_key if len(rows) == size else None


def _accepted(wanted: Filter, value: str) -> str:
    if wanted.choices and value not in {choice for choice, _ in wanted.choices}:
        raise InvalidInput((wanted.name, "is not one of the choices"))
    if "\x00" in value or len(value) > LONGEST_FILTER:
        raise InvalidInput((wanted.name, "cannot be looked for"))
    if wanted.kind == "date" and not _is_date(value):
        raise InvalidInput((wanted.name, "must be a date, such as 2024-03-31"))
    return value


def _is_date(value: str) -> bool:
    """Whether it is a date as it stands in URLs; Python knows more spellings (2024-W13-7) than PostgreSQL."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@lru_cache(maxsize=512)
def _page_statement(table: Table, sort: str, descending: bool, filters: tuple[str, ...], later: bool) -> TextClause:
    column = table.column(sort)
    way, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions = _conditions(table, filters)
    if later:
        conditions.append(
            f"({column.expression}, {table.key}) {beyond} "
            f"(CAST(:sort_at AS {column.sorts}), CAST(:sort_key AS {table.key_type}))"
        )
    return text(
        f"SELECT {_selected(table)}, CAST({column.expression} AS text) AS sort_at, "
        f"CAST({table.key} AS text) AS sort_key "
        f"FROM {table.source} WHERE {' AND '.join(conditions)} "
        f"ORDER BY {column.expression} {way}, {table.key} {way} LIMIT :row_limit"
    )


@lru_cache(maxsize=512)
def _batch_statement(table: Table, filters: tuple[str, ...], later: bool) -> TextClause:
    conditions = _conditions(table, filters)
    if later:
        conditions.append(f"{table.key} > CAST(:sort_key AS {table.key_type})")
    return text(
        f"SELECT {_selected(table)}, CAST({table.key} AS text) AS sort_key FROM {table.source} "
        f"WHERE {' AND '.join(conditions)} ORDER BY {table.key} LIMIT :row_limit"
    )


def _selected(table: Table) -> str:
    return ", ".join(f"{column.expression} AS {column.key}" for column in table.columns)


def _conditions(table: Table, filters: tuple[str, ...]) -> list[str]:
    return [table.where, *(f"({f.condition})" for f in table.filters if f.name in filters)]
