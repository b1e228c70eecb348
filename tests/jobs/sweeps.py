"""Many lots due at once, and what workers did about them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.benchmarks import dataset

_DUE = text("UPDATE loyalty_point_expirations SET expires_at = :due")
_BATCHES = text("""
    SELECT count(*) AS batches, coalesce(max(n), 0) AS largest, coalesce(sum(n), 0)::bigint AS entries
    FROM (SELECT count(*) AS n FROM loyalty_ledger_entries
          WHERE entry_type = :entry_type GROUP BY xmin::text) b
""")
# Each batch is kept until another session has one at hand too, or for two seconds: a fast worker waits for a slow one.
_WATCH = (
    "CREATE TABLE batches (session integer)",
    """
    CREATE FUNCTION watch_batch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO batches VALUES (pg_backend_pid());
        PERFORM pg_advisory_xact_lock_shared(4);
        FOR step IN 1..40 LOOP
            EXIT WHEN (SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) > 1;
            PERFORM pg_sleep(0.05);
        END LOOP;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER watch_batch AFTER INSERT ON loyalty_ledger_entries EXECUTE FUNCTION watch_batch()",
)
_SESSIONS = text("SELECT count(*) FROM batches GROUP BY session ORDER BY 1")


def make_lots_due(session: Session, members: int, each: int) -> None:
    """`members` with `each` lots of 10 points, all past their date; the caller commits."""
    now = clock.now()
    dataset.fill(session, members, each, now)
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(_DUE, {"due": now})


def watch_batches(session: Session) -> None:
    """From now on, note which session does each batch; the caller commits."""
    for statement in _WATCH:
        session.execute(text(statement))


def get_shares(session: Session) -> Sequence[int]:
    """How many batches each session has done, ascending."""
    return session.scalars(_SESSIONS).all()


def get_batches(session: Session, entry_type: str = "expiration") -> tuple[int, int, int]:
    """How many transactions wrote entries of this type, the most entries of one, and all of them."""
    row = session.execute(_BATCHES, {"entry_type": entry_type}).one()
    return row.batches, row.largest, row.entries
