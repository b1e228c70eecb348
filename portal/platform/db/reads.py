"""Reads by SQL statements; the state of the request, not the caller, decides which connection they use.

Until a request (or job) has begun its transaction, reads use AUTOCOMMIT connections of the driver, so that a hot read
is one round trip. After that they use the transaction's own connection: they, and so the answer, see what it has
written before it commits.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast, overload

import orjson
import psycopg
from flask import Flask, current_app
from psycopg.rows import RowFactory, RowMaker, TupleRow, namedtuple_row
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, TextClause
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from portal.platform.db import db, engine_options

T = TypeVar("T")
Row = TypeVar("Row", bound=NamedTuple)
_make: Any = PGDialect_psycopg
_DIALECT = _make()
Values = Mapping[str, Any]


class Connections:
    """Idle AUTOCOMMIT connections of this process; the one used last is taken first.

    No more are open than threads read at once, and at most `most_kept` stay open. `psycopg_pool` 3.3 takes 1.6 times
    the CPU for a read by `getconn` and 2.2 times by its context manager (`SELECT 1`, 60,000 of each, taking turns).
    """

    def __init__(self, url: str, most_kept: int, **options: Any) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._most_kept, self._options = most_kept, options
        self._idle: deque[psycopg.Connection[TupleRow]] = deque()

    def take(self) -> psycopg.Connection[TupleRow]:
        """A connection, for the caller alone.

        :raises psycopg.OperationalError: if the server cannot be reached.
        """
        try:
            return self._idle.pop()
        except IndexError:
            return psycopg.connect(self._url, autocommit=True, **self._options)

    def give_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Keep it for the next read, or close it if it is broken or enough are idle."""
        if connection.closed or len(self._idle) >= self._most_kept:
            connection.close()
        else:
            self._idle.append(connection)

    def dispose(self, *, close: bool = True) -> None:
        """Forget all idle connections; without `close` they stay open for the process that this one was forked from."""
        idle, self._idle = self._idle, deque()
        for connection in tuple(idle) if close else ():  # a thread may take one of them this moment
            connection.close()


@overload
def read_all(statement: TextClause, values: Values) -> list[Any]: ...
@overload
def read_all(statement: TextClause, values: Values, row: type[Row]) -> list[Row]: ...
def read_all(statement: TextClause, values: Values, row: type[Row] | None = None) -> list[Row]:
    """All rows, each as a `row`, whose fields are the statement's columns; without `row`, as a named tuple of them."""
    return _fetch(statement, values, row, psycopg.Cursor[Row].fetchall)


@overload
def read_one(statement: TextClause, values: Values) -> Any | None: ...
@overload
def read_one(statement: TextClause, values: Values, row: type[Row]) -> Row | None: ...
def read_one(statement: TextClause, values: Values, row: type[Row] | None = None) -> Row | None:
    """The first row, as in `read_all`, or None."""
    return _fetch(statement, values, row, psycopg.Cursor[Row].fetchone)


@lru_cache(maxsize=512)
def _rows_as(row: type[Row]) -> RowFactory[Row]:
    """The driver's factory of such rows. It checks a set of columns once only, so as to cost no more than the driver's.

    The factory raises TypeError if the statement's columns are not the fields of `row`, in the same order.
    """

    @lru_cache(maxsize=8)
    def maker(*columns: bytes) -> RowMaker[Row]:
        if tuple(name.decode() for name in columns) != row._fields:
            raise TypeError(f"{row.__qualname__} has the fields {row._fields}, the statement answers {columns}")
        return row._make

    def factory(cursor: psycopg.Cursor[Any]) -> RowMaker[Row]:
        result = cursor.pgresult
        if result is None:
            return row._make
        return maker(*map(result.fname, range(result.nfields)))

    return factory


@lru_cache(maxsize=512)
def _sql(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _fetch(statement: TextClause, values: Values, row: type[Row] | None, take: Callable[[psycopg.Cursor[Row]], T]) -> T:
    """Run a read; outside a transaction, retry it once if the connections are stale (the server restarted)."""
    rows = cast("RowFactory[Row]", namedtuple_row) if row is None else _rows_as(row)
    sql = _sql(statement)
    if (begun := _begun()) is not None:
        return _run_on(begun, sql, values, rows, take)
    try:
        return _run(sql, values, rows, take)
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P")):
            raise
        _forget_stale()
    return _run(sql, values, rows, take)


def _begun() -> Connection | None:
    """The connection of the current transaction, its changes flushed unless `no_autoflush`; None if none has begun."""
    if not db.session.registry.has():
        return None
    session = db.session()
    if not session.in_transaction():
        return None
    if session.autoflush:
        session.flush()
    return session.connection()


def _run_on(
    connection: Connection, sql: str, values: Values, rows: RowFactory[Row], take: Callable[[psycopg.Cursor[Row]], T]
) -> T:
    driver = cast("psycopg.Connection[TupleRow]", connection.connection.driver_connection)
    with driver.cursor(row_factory=rows) as cursor:
        return take(cursor.execute(sql, values))


def _run(sql: str, values: Values, rows: RowFactory[Row], take: Callable[[psycopg.Cursor[Row]], T]) -> T:
    source: Connections | Connection = current_app.extensions["reads"]
    if isinstance(source, Connection):  # the connection that a test uses
        return _run_on(source, sql, values, rows, take)
    connection = source.take()
    try:
        return take(connection.cursor(row_factory=rows).execute(sql, values))
    finally:
        source.give_back(connection)


def _forget_stale() -> None:
    source = current_app.extensions["reads"]
    if isinstance(source, Connections):
        source.dispose()


def init_app(app: Flask) -> None:
    """Make the pool of AUTOCOMMIT connections; it connects when first used."""
    set_json_loads(orjson.loads)
    settings = app.config["SETTINGS"]
    options = engine_options(settings.database_pool_size)["connect_args"]
    app.extensions["reads"] = Connections(settings.database_url, settings.database_pool_size, **options)
