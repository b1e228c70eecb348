"""Many lots due at once, and what workers did about them."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core import clock
from tests.benchmarks import dataset

_DUE = text("UPDATE loyalty_point_expirations SET expires_at = :due")
_BATCHES = text("""
    SELECT count(*) AS batches, coalesce(max(n), 0) AS largest, coalesce(sum(n), 0)::bigint AS entries
    FROM (SELECT count(*) AS n FROM loyalty_ledger_entries
          WHERE entry_type = 'expiration' GROUP BY xmin::text) b
""")


def make_lots_due(session: Session, members: int, each: int) -> None:
    """`members` with `each` lots of 10 points, all past their date; the caller commits."""
    now = clock.now()
    dataset.fill(session, members, each, now)
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(_DUE, {"due": now})


def get_batches(session: Session) -> tuple[int, int, int]:
    """How many transactions expired lots, the most lots of one, and all lots."""
    row = session.execute(_BATCHES).one()
    return row.batches, row.largest, row.entries
