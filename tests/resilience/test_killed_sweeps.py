"""A worker is killed while it activates pending credits: whoever goes on posts each of them once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.jobs import runs
from portal.jobs.web import jobs
from portal.ledger.models import EntryType
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.queue import client
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.loyalty import make_member
from tests.queues import queue_url
from tests.resilience.workers import Process, flask
from tests.sink import wait_for

JOB = "loyalty_progression"
PAIRS = 12
WAITS = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s
"""


@pytest.fixture
def sweeping(servers: databases.Servers, app: Portal) -> Iterator[Portal]:
    """An application with a database and queues of its own, within its context."""
    application = databases.make_app(servers, servers.create("sweepkills"), redis_url=queue_url(servers))
    with application.app_context():
        client().flushdb()
        yield application
        client().flushdb()
        databases.dispose(application)
    servers.drop("sweepkills")


@pytest.fixture
def worker(sweeping: Portal) -> Iterator[Process]:
    """A worker process."""
    process = flask("worker", sweeping)
    yield process
    process.stop()


def put_pairs_aside(session: Session) -> None:
    """Both sides of so many referrals, and an order of each, all due."""
    now = clock.now()
    for number in range(PAIRS):
        for effect in ("referrer", "referee"):
            member_id, due = make_member(session).id, now - timedelta(hours=1)
            kinds = ((f"R{number}", "referral", effect), (f"O-{member_id}", "order", "base"))
            given = [
                ledger.PendingCredit(member_id, 10, EntryType.ORDER, source, external_id, what, due, now)
                for external_id, source, what in kinds
            ]
            ledger.put_aside(session, given, now)


def let_leases_run_out() -> None:
    with unit_of_work() as session:
        for table in ("job_runs", "job_parts"):
            session.execute(text(f"UPDATE {table} SET lease_until = now() WHERE status = 'running'"))


def busy_sessions(url: str) -> list[object]:
    """What the killed worker has left running, until PostgreSQL notices."""
    busy = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%due AS%'"
    with psycopg.connect(url, autocommit=True) as connection:
        return list(connection.execute(f"{busy} AND pid <> pg_backend_pid() AND state <> 'idle'").fetchall())


def open_slot() -> datetime:
    slot = clock.now().replace(microsecond=0)
    with unit_of_work() as session:
        runs.open_slots(session, JOB, [slot])
    return slot


@pytest.mark.parametrize("moment", ["within-a-batch", "before-its-figures-are-kept"])
def test_each_credit_is_posted_once(sweeping: Portal, worker: Process, moment: str) -> None:
    with unit_of_work() as session:
        put_pairs_aside(session)
    url = sweeping.config["SETTINGS"].database_url.replace("postgresql+psycopg", "postgresql")
    slot = open_slot()
    with (
        psycopg.connect(url) as first,
        psycopg.connect(url) as second,
        psycopg.connect(url, autocommit=True) as watcher,
    ):

        def wait_in(words: str) -> None:
            wait_for(lambda: watcher.execute(WAITS, [f"%{words}%"]).fetchall(), 120)

        first.execute("LOCK TABLE loyalty_point_expirations IN SHARE MODE")
        jobs.wake_run(JOB, slot)
        wait_in("due AS")
        if moment != "within-a-batch":
            second.execute("SELECT FROM job_parts WHERE status = 'running' FOR UPDATE")
            first.rollback()
            wait_in("UPDATE job_parts SET")
        assert worker.kill_horses() == 1
        wait_for(lambda: not worker.horses)
    let_leases_run_out()
    wait_for(lambda: not busy_sessions(url), 60)
    jobs.run_slot(JOB, slot.isoformat())
    with unit_of_work() as session:
        assert session.scalar(text("SELECT status FROM job_runs")) == "succeeded"
        assert session.scalar(text("SELECT count(*) FROM loyalty_ledger_entries WHERE source <> 'streak'")) == 4 * PAIRS
        assert session.scalar(text("SELECT sum(pending) FROM loyalty_members")) == 0
        assert find_differences(session) == []
