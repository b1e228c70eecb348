"""The floor: a bare WSGI function with one pooled, prepared statement in autocommit, on the same server and rows."""

import os
from collections.abc import Callable, Iterable
from queue import LifoQueue
from typing import Any

import orjson
import psycopg

_pool: LifoQueue[Any] = LifoQueue()
_PAGE = """
    SELECT e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, t.description, e.metadata
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
    WHERE m.user_id = %s ORDER BY e.seq DESC LIMIT 20
"""


def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """Answer twenty entries of the user in the query string."""
    connection = _connect() if _pool.empty() else _pool.get()
    rows = connection.execute(_PAGE, (environ["QUERY_STRING"] or "u7",)).fetchall()
    _pool.put(connection)
    body = orjson.dumps([list(map(str, row)) for row in rows])
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _connect() -> Any:
    url = os.environ["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(url, autocommit=True, prepare_threshold=0)
