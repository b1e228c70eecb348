"""Tables of the consoles: one description defines the page, its filters, sorting, pagination and CSV export.

Pagination is by keyset: the cost of a page does not depend on its position. Sort expressions are never null.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import request
from sqlalchemy import TextClause, text

from portal.platform.clock import start_of_day, start_of_next_day
from portal.platform.db import cursors
from portal.platform.db.reads import Values, read_all
from portal.platform.problems import InvalidInput
from portal.platform.settings import current_settings

PAGE_SIZES = (25, 50, 100)
MAX_FILTER_LENGTH = 200
STEERING = ("sort", "cursor", "limit", "format")
Choices = tuple[tuple[str, str], ...]


def choices_of(values: Iterable[StrEnum]) -> Choices:
    """The values with their labels, as choices of a filter."""
    return tuple((value.value, label_of(value)) for value in values)


def label_of(value: str) -> str:
    """A value of the database as people read it."""
    return "SMS" if value == "sms" else value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` names it in the statement, `expression` is its SQL.

    `kind` is how it is shown: text, sentence, points, signed, number, money, percent, figure (a number in words of its
    own), moment, day, status, code, flag, ulid, or member or order (a user id or a reference, linked to its page).
    `sorts` makes it sortable: the SQL type of the sort expression, which is never null; empty: not sortable.
    `by` is the sort expression if that is not `expression`, which may then be null.
    `shown` is False for a value that only links and actions, or only the export, need.
    `made` makes the value from the row, when it is not the SQL's own.
    """

    key: str
    label: str
    expression: str
    kind: str = "text"
    sorts: str = ""
    shown: bool = True
    exported: bool = True
    by: str = ""
    made: Callable[[Any], object] | None = None

    def value(self, row: "TableRow") -> object:
        """The value of a row in this column."""
        return self.made(row) if self.made else getattr(row, self.key)

    @property
    def order(self) -> str:
        """The SQL that rows are sorted by."""
        return self.by or self.expression


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to narrow a table: `condition` is SQL with the parameter `:name`, or makes the SQL for a choice.

    SQL of its own for a choice lets PostgreSQL use a partial index for it, also in a statement that it has prepared.

    With `choices` (value, label) it is a list to choose from, else an input (`kind`: search, date or number) with
    `hint` in it. `options` reads the choices when the page is shown, for names that the programme defines; one that was
    removed since is still accepted. `values` makes further parameters of the condition from the input.
    """

    name: str
    label: str
    condition: str | Callable[[str], str]
    choices: Choices = ()
    kind: str = "search"
    hint: str = ""
    options: Callable[[], Choices] | None = None
    values: Callable[[str], Values] | None = None

    def sql(self, value: str) -> str:
        """The condition for this input."""
        return self.condition if isinstance(self.condition, str) else self.condition(value)


def day_filters(moment: str) -> tuple[Filter, Filter]:
    """Filters from and to a day in the programme's time zone; `moment` is an SQL expression of a time."""
    since = Filter("since", "From", f"{moment} >= :since_moment", kind="date", values=_since)
    return since, Filter("until", "To", f"{moment} < :until_moment", kind="date", values=_until)


def _since(day: str) -> dict[str, datetime]:
    return {"since_moment": start_of_day(date.fromisoformat(day), _zone())}


def _until(day: str) -> dict[str, datetime]:
    return {"until_moment": start_of_next_day(date.fromisoformat(day), _zone())}


def _zone() -> tzinfo:
    zone: tzinfo = current_settings().programme_timezone
    return zone


@dataclass(frozen=True, slots=True)
class Table:
    """A table: rows of `source` (SQL after FROM), limited by `where`, identified by `key`.

    `order` is the default sort column, with a minus in front for descending.
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
    """A table as a request asks for it: filtered, sorted, from a cursor on. `values` are the filters' parameters."""

    table: Table
    sort: str
    descending: bool
    filters: dict[str, str]
    limit: int
    cursor: str | None = None
    values: Values = field(default_factory=dict)

    @property
    def order(self) -> str:
        """The order as written in the URL."""
        return ("-" if self.descending else "") + self.sort

    @property
    def conditions(self) -> tuple[str, ...]:
        """The SQL that rows meet: the table's own, and that of each filter that is set."""
        chosen = [(f, self.filters[f.name]) for f in self.table.filters if f.name in self.filters]
        return self.table.where, *(f"({f.sql(value)})" for f, value in chosen)

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.filters)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many rows a page may have."""
        return PAGE_SIZES

    def choices(self, narrowing: Filter) -> Choices:
        """The choices of a filter, including its current value; empty for one that is typed."""
        offered = narrowing.options() if narrowing.options else narrowing.choices
        chosen = self.filters.get(narrowing.name, "")
        is_gone = narrowing.options and chosen and chosen not in {value for value, _ in offered}
        return (*offered, (chosen, chosen)) if is_gone else offered

    @property
    def here(self) -> str:
        """The query string of this page."""
        return self.url(cursor=self.cursor).partition("?")[2]

    @property
    def clear_url(self) -> str:
        """The address of all rows, in the same order."""
        return self.url(**dict.fromkeys(self.filters))

    def url(self, **changes: str | None) -> str:
        """This page's address with changed parameters; without a `cursor` it starts at the first row."""
        standing = {**self.filters, "sort": self.order if self.order != self.table.order else None}
        standing["limit"] = str(self.limit) if self.limit != PAGE_SIZES[0] else None
        wanted = {name: value for name, value in {**standing, **changes}.items() if value}
        return f"{request.path}?{urlencode(wanted)}" if wanted else request.path

    def sort_url(self, column: Column) -> str:
        """The address that sorts by this column, or in reverse if the table is sorted by it already."""
        descending = not self.descending if self.sort == column.key else column.kind not in ("text", "code", "status")
        return self.url(sort=("-" if descending else "") + column.key)


class TableRow(Protocol):
    """A row with the table's columns, and its position in the sort order (in exports `sort_key` only)."""

    sort_at: str
    sort_key: str


@dataclass(frozen=True, slots=True)
class TablePage:
    """Rows to show, the number of the first one, and the cursors of the next and the previous page."""

    view: View
    rows: list[Any] = field(default_factory=list)
    first: int = 1
    next_cursor: str | None = None
    previous_cursor: str | None = None

    @property
    def table(self) -> Table:
        """The table these rows are of."""
        return self.view.table

    @property
    def next_url(self) -> str | None:
        """The address of the rows after these, None at the end."""
        return self.view.url(cursor=self.next_cursor) if self.next_cursor else None

    @property
    def previous_url(self) -> str | None:
        """The address of as many rows before these, None at the beginning."""
        return self.view.url(cursor=self.previous_cursor) if self.previous_cursor else None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a cursor says: the row to read on from, whether backwards, and the number of the page's first row."""

    at: str | None = None
    key: str | None = None
    back: bool = False
    first: int = 1


def read_view(table: Table, args: Mapping[str, str]) -> View:
    """The view of the table that the query string asks for.

    :raises InvalidInput: if the order, the page size or a filter's value is not accepted.
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
    values = _values(table, filters)
    return View(table, sort, order.startswith("-"), filters, int(limit), args.get("cursor") or None, values)


def list_page(table: Table, args: Mapping[str, str], values: Values | None = None) -> TablePage:
    """The rows that the query string asks for. `values` are the parameters that the table itself needs; cursors are
    bound to them, except to times, which differ from page to page.

    :raises InvalidInput: if the query string has a value that is not accepted.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor is of another table, order or filter.
    """
    view = read_view(table, args)
    whose = {name: value for name, value in (values or {}).items() if not isinstance(value, datetime)}
    scope = ("table page", table.name, view.order, view.filters, whose)
    place = _Place(*(cursors.decode(view.cursor, *scope) or ()))
    given = {**(values or {}), **view.values}
    rows = _read(view, given, place)
    if place.back and len(rows) <= view.limit:  # the beginning is reached: show the full first page
        place = _Place()
        rows = _read(view, given, place)
    return _page(view, rows, place, scope)


def _read(view: View, values: Values, place: _Place) -> list[TableRow]:
    """The rows beyond the place in the direction of reading, one more than are shown."""
    later = place.at is not None
    statement = _page_statement(view.table, view.sort, view.descending != place.back, view.conditions, later)
    sorted_at = {"sort_at": place.at, "sort_key": place.key, "row_limit": view.limit + 1}
    return read_all(statement, {**values, **sorted_at})


def _page(view: View, rows: list[TableRow], place: _Place, scope: tuple[object, ...]) -> TablePage:
    more, rows = len(rows) > view.limit, rows[: view.limit]
    first = place.first
    if place.back:
        rows, first = rows[::-1], max(1, place.first - view.limit)
    is_later, goes_on = place.at is not None, more or place.back
    following = previous = None
    if rows and goes_on:
        following = cursors.encode((rows[-1].sort_at, rows[-1].sort_key, False, first + len(rows)), *scope)
    if rows and is_later:
        previous = cursors.encode((rows[0].sort_at, rows[0].sort_key, True, first), *scope)
    return TablePage(view, rows, first, following, previous)


def list_batch(view: View, values: Values, after: str | None, size: int) -> tuple[list[TableRow], str | None]:
    """Up to `size` filtered rows ordered by key, after the key `after`, and the last key; for exports."""
    rows = read_all(
        _batch_statement(view.table, view.conditions, after is not None),
        {**values, **view.values, "sort_key": after, "row_limit": size},
    )
    return rows, rows[-1].sort_key if len(rows) == size else None


def _values(table: Table, filters: dict[str, str]) -> dict[str, object]:
    """The filters' inputs, and the parameters made from them."""
    further = [f.values(filters[f.name]) for f in table.filters if f.values and f.name in filters]
    return {**filters, **{name: value for values in further for name, value in values.items()}}


def _accepted(wanted: Filter, value: str) -> str:
    if wanted.choices and value not in {choice for choice, _ in wanted.choices}:
        raise InvalidInput((wanted.name, "is not one of the choices"))
    if "\x00" in value or len(value) > MAX_FILTER_LENGTH:
        raise InvalidInput((wanted.name, "cannot be looked for"))
    if wanted.kind == "date" and not _is_date(value):
        raise InvalidInput((wanted.name, "must be a date, such as 2024-03-31"))
    return value


def _is_date(value: str) -> bool:
    """Whether this is a date as used in URLs; Python accepts more spellings (2024-W13-7) than PostgreSQL."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@lru_cache(maxsize=512)
def _page_statement(table: Table, sort: str, descending: bool, conditions: tuple[str, ...], later: bool) -> TextClause:
    column = table.column(sort)
    order = column.order
    way, beyond = ("DESC", "<") if descending else ("ASC", ">")
    if later:
        place = f"(CAST(:sort_at AS {column.sorts}), CAST(:sort_key AS {table.key_type}))"
        conditions = (*conditions, f"({order}, {table.key}) {beyond} {place}")
    return text(
        f"SELECT {_selected(table)}, CAST({order} AS text) AS sort_at, "
        f"CAST({table.key} AS text) AS sort_key "
        f"FROM {table.source} WHERE {' AND '.join(conditions)} "
        f"ORDER BY {order} {way}, {table.key} {way} LIMIT :row_limit"
    )


@lru_cache(maxsize=512)
def _batch_statement(table: Table, conditions: tuple[str, ...], later: bool) -> TextClause:
    if later:
        conditions = (*conditions, f"{table.key} > CAST(:sort_key AS {table.key_type})")
    return text(
        f"SELECT {_selected(table)}, CAST({table.key} AS text) AS sort_key FROM {table.source} "
        f"WHERE {' AND '.join(conditions)} ORDER BY {table.key} LIMIT :row_limit"
    )


def _selected(table: Table) -> str:
    return ", ".join(f"{column.expression} AS {column.key}" for column in table.columns)
