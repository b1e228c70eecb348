"""`python -m tests.benchmarks.pending`: 100,000 pending credits due, activated by two workers, beside one statement."""

import argparse
import tempfile
import time
from datetime import datetime
from pathlib import Path

from flask_migrate import upgrade
from rq import Worker
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.jobs import runs
from portal.jobs.web import jobs
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.queue import client
from portal.platform.web.application import Portal
from portal.supervisor import services
from tests.benchmarks import dataset
from tests.benchmarks.sweep import JOB, watch
from tests.databases import Servers, dispose, make_app
from tests.jobs.sweeps import get_batches
from tests.resilience.workers import flask
from tests.sink import wait_for

EACH = 2
_CREDITS = text("""
    INSERT INTO loyalty_pending_credits (member_id, id, entry_type, source, external_id, effect, granted, points,
        qualifies_tier, qualifies_at, week, activates_at, expiry_months, metadata, created_at)
    SELECT m.id, new_ulid(:now), 'order', 'order', 'A-' || m.user_id, 'rule-' || n, 10, 10, true, :now,
           date_trunc('week', CAST(:now AS timestamptz) AT TIME ZONE 'UTC')::date,
           CAST(:now AS timestamptz) - get_byte(uuid_send(m.id), 14) * interval '1 minute', 12, '{"rule": "base"}', :now
    FROM loyalty_members m CROSS JOIN generate_series(1, :each) n
""")
_PENDING = text("UPDATE loyalty_members SET pending = 10 * :each")
# As few words as leave a ledger that `ledger verify` accepts.
_BY_HAND = text("""
    WITH due AS (
        UPDATE loyalty_pending_credits SET activated_at = :now, entry_id = new_ulid(:now)
        WHERE activated_at IS NULL AND points > 0 AND activates_at <= :now RETURNING *
    ), named AS (
        SELECT *, row_number() OVER credits AS n, sum(points) OVER credits AS running
        FROM due WINDOW credits AS (PARTITION BY member_id ORDER BY activates_at, id)
    ), totals AS (
        UPDATE loyalty_members m SET balance = balance + d.points, lifetime_earned = lifetime_earned + d.points,
            pending = pending - d.points, last_seq = last_seq + d.n
        FROM (SELECT member_id, sum(points)::bigint AS points, count(*) AS n FROM due GROUP BY member_id) d
        WHERE m.id = d.member_id
        RETURNING m.id, m.balance - d.points AS balance, m.last_seq - d.n AS seq
    ), written AS (
        INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after,
            qualifying, qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
        SELECT d.member_id, t.seq + d.n, d.entry_id, :now, d.entry_type, d.points, t.balance + d.running, d.points,
               d.qualifies_at, :now, 1, d.metadata, d.source, d.external_id, d.effect
        FROM named d JOIN totals t ON t.id = d.member_id
    ), weeks AS (
        INSERT INTO loyalty_streak_weeks (member_id, week, length) SELECT DISTINCT member_id, week, 1 FROM due
    )
    INSERT INTO loyalty_point_expirations (member_id, id, seq, points, remaining, opened_at, expires_at)
    SELECT d.member_id, d.entry_id, t.seq + d.n, d.points, d.points, :now, CAST(:now AS timestamptz) + interval '1 year'
    FROM named d JOIN totals t ON t.id = d.member_id
""")


def main() -> None:
    """Start servers of its own, activate due credits by hand and by workers in turns, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pending")
    parser.add_argument("--credits", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        running = services.start(Path(folder) / "data")
        try:
            servers = Servers(running.database_admin_url, running.redis_url, "bench")
            servers.create("main", migrated=True)
            app = make_app(servers, servers.url(servers.name("main")), log_level="ERROR")
            with app.app_context():
                upgrade()
                for _ in range(3):
                    theirs, ours = by_hand(options.credits), sweep(app, options.credits, options.workers)
                    share, verdict = theirs / ours, "ok" if theirs >= ours / 2 else "BELOW"
                    print(f"activation: {share:6.1%} of one hand-written statement   budget 50%   {verdict}")
                dispose(app)
        finally:
            running.stop()


def make_credits_due(credits_due: int) -> datetime:
    """A new programme with so many due credits of 10 points, two for an order of each member; returns the moment."""
    now = clock.now()
    with unit_of_work() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        empty(session)
        dataset.fill(session, credits_due // EACH, 0, now)
        session.execute(_CREDITS, {"now": now, "each": EACH})
        session.execute(_PENDING, {"each": EACH})
    with unit_of_work() as session:
        session.execute(text("ANALYZE"))
    return now


def empty(session: Session) -> None:
    """Delete everybody, with their points; the ledger's own guard is lifted for it."""
    session.execute(text("ALTER TABLE loyalty_ledger_entries DISABLE TRIGGER USER"))
    session.execute(text("TRUNCATE users, loyalty_tiers, loyalty_rewards, job_runs, job_parts, outbox CASCADE"))
    session.execute(text("ALTER TABLE loyalty_ledger_entries ENABLE ALWAYS TRIGGER append_only_rows"))
    session.execute(text("ALTER TABLE loyalty_ledger_entries ENABLE ALWAYS TRIGGER append_only_table"))


def by_hand(credits_due: int) -> float:
    """Seconds that one statement takes for all of them."""
    now = make_credits_due(credits_due)
    began = time.perf_counter()
    with unit_of_work() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(_BY_HAND, {"now": now})
    took = time.perf_counter() - began
    check(credits_due)
    print(f"by hand: {credits_due} credits in {took:.1f} s")
    return took


def sweep(app: Portal, credits_due: int, count: int) -> float:
    """Seconds that so many workers take for all of them, once both are ready."""
    slot = make_credits_due(credits_due).replace(microsecond=0)
    with unit_of_work() as session:
        runs.open_slots(session, JOB, [slot])
    workers = [flask("worker", app, STREAK_BONUS_POINTS="0") for _ in range(count)]
    try:
        wait_for(lambda: len({worker.name for worker in Worker.all(connection=client())}) == count, 120)
        began = time.perf_counter()
        jobs.wake_run(JOB, slot)  # and no other job, whose statements are not the sweep's
        memory, longest = watch(app, workers)
        took = time.perf_counter() - began
    finally:
        for worker in workers:
            worker.stop()
    check(credits_due)
    with unit_of_work() as session:
        batches, largest, entries = get_batches(session, "order")
    print(f"{entries} credits in {took:.1f} s: {batches} batches of {largest} at most, longest {longest:.2f} s")
    print(f"peak memory of each worker: {', '.join(f'{peak / 2**20:.0f} MB' for peak in memory)}")
    return took


def check(credits_due: int) -> None:
    """Every credit was posted, once."""
    with unit_of_work() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        assert session.scalar(text("SELECT count(*) FROM loyalty_ledger_entries")) == credits_due
        assert find_differences(session) == []


if __name__ == "__main__":
    main()
