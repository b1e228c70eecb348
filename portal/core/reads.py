"""Reads outside any transaction: AUTOCOMMIT connections, driver-level, so that a hot read is one round trip."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import orjson
import psycopg
from flask import Flask, current_app
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, Engine, TextClause, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from portal.core.db import engine_options

T = TypeVar("T")
_make: Any = PGDialect_psycopg
_DIALECT = _make()
Values = Mapping[str, Any]


def read_all(statement: TextClause, values: Values) -> list[Any]:
    """All rows, as named tuples."""
    return _fetch(statement, values, lambda cursor: cursor.fetchall())


def read_one(statement: TextClause, values: Values) -> Any | None:
    """The first row as a named tuple, or None."""
    return _fetch(statement, values, lambda cursor: cursor.fetchone())


@lru_cache(maxsize=512)
def _sql(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _fetch(statement: TextClause, values: Values, take: Callable[[Any], T]) -> T:
    """Run a read; once more when the pooled connection had gone stale (a restarted server)."""
    sql = _sql(statement)
    try:
        return _run(sql, values, take)
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P")):
            raise
    return _run(sql, values, take)


def _run(sql: str, values: Values, take: Callable[[Any], T]) -> T:
    with _connection() as connection, connection.cursor(row_factory=namedtuple_row) as cursor:
        return take(cursor.execute(sql, values))


@contextmanager
def _connection() -> Iterator[Any]:
    """The driver's connection: of the pool, or the one that a test works on."""
    source: Engine | Connection = current_app.extensions["reads"]
    if isinstance(source, Connection):
        yield source.connection.driver_connection
        return
    pooled = source.raw_connection()
    try:
        yield pooled.driver_connection
    except psycopg.OperationalError:
        pooled.invalidate()
        raise
    finally:
        pooled.close()


def init_app(app: Flask) -> None:
    """Make the pool of AUTOCOMMIT connections; it connects when first used."""
    set_json_loads(orjson.loads)
    settings = app.config["SETTINGS"]
    app.extensions["reads"] = create_engine(
        settings.database_url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None,
        **engine_options(settings.database_pool_size),
    )  # fmt: skip
