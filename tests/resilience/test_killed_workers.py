"""Workers are killed while they send: nobody gets two, and what may be lost is listed as uncertain."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from rq import Worker
from sqlalchemy import text

from portal.platform import outbox
from portal.platform.db import unit_of_work
from portal.platform.queue import client
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import make_user
from tests.factories.loyalty import earn, make_member, make_tier
from tests.queues import queue_url
from tests.resilience.workers import Process, flask
from tests.sink import Sink, wait_for

KILLS = 30


@pytest.fixture
def mailing(servers: databases.Servers, app: Portal, sink: Sink) -> Iterator[Portal]:
    """An application with database, queues and mail server of its own, within its context."""
    application = databases.make_app(servers, servers.create("kills"), email_url=sink.url, redis_url=queue_url(servers))
    with application.app_context():
        client().flushdb()
        yield application
        client().flushdb()
        databases.dispose(application)
    servers.drop("kills")


@pytest.fixture
def worker(mailing: Portal) -> Iterator[Process]:
    """A worker process."""
    process = flask("worker", mailing)
    yield process
    process.stop()


def rise(times: int) -> None:
    """Let so many members reach Gold, one commit each, so that each has a job of its own."""
    with unit_of_work() as session:
        make_tier(session, "gold", 100)
    for _ in range(times):
        with unit_of_work() as session:
            earn(session, make_member(session, make_user(session, marketing_messages=True)), 100)


def count(statement: str) -> int:
    with unit_of_work() as session:
        return int(session.scalar(text(statement)) or 0)


def let_leases_run_out() -> None:
    with unit_of_work() as session:
        session.execute(text("UPDATE outbox SET next_attempt_at = created_at WHERE status = 'pending'"))


def hold_the_row_then_kill(app: Portal, worker: Process) -> None:
    """Let the worker hear that the mail was taken, and keep it from committing that until it is dead."""
    url = app.config["SETTINGS"].database_url.replace("postgresql+psycopg", "postgresql")
    connection = psycopg.connect(url)
    connection.execute("SELECT FROM messages WHERE status = 'claimed' FOR UPDATE")

    def strike() -> None:
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE messages%'"
        with psycopg.connect(url, autocommit=True) as watcher:
            wait_for(lambda: watcher.execute(waiting).fetchall())
        worker.kill_horses()
        connection.close()

    threading.Thread(target=strike).start()


@pytest.mark.parametrize("moment", ["after-claim", "after-send", "before-commit"])
def test_nobody_gets_two_and_what_may_be_lost_is_listed(
    mailing: Portal, worker: Process, sink: Sink, moment: str
) -> None:
    kills = Counter[str]()

    def strike(_: Any) -> str | None:
        kills[moment] += 1
        if moment == "before-commit":
            hold_the_row_then_kill(mailing, worker)
            return None
        worker.kill_horses()
        return None

    sink.answers["EHLO" if moment == "after-claim" else "DATA"] = strike
    rise(KILLS)
    wait_for(lambda: kills[moment] == KILLS and not worker.horses, 300)
    sink.answers.clear()
    assert count("SELECT count(*) FROM messages WHERE status = 'claimed'") == KILLS
    let_leases_run_out()
    outbox.deliver()
    assert count("SELECT count(*) FROM messages WHERE status = 'uncertain'") == KILLS
    assert count("SELECT count(*) FROM outbox WHERE status = 'uncertain'") == KILLS
    received = Counter(mail["To"] for mail in sink.mails)
    assert len(received) == (0 if moment == "after-claim" else KILLS)
    assert set(received.values()) <= {1}


def test_a_killed_workers_messages_are_sent_by_another_within_90_seconds(mailing: Portal, sink: Sink) -> None:
    """The whole worker dies with a message claimed in the outbox and nothing said to the mail server."""
    rise(1)
    with unit_of_work() as session:
        outbox.claim(session)  # as a worker does that dies at once
    died = time.monotonic()
    processes = [flask("worker", mailing), flask("scheduler", mailing)]
    try:
        wait_for(lambda: Worker.all(connection=client()))
        slowness = time.monotonic() - died
        wait_for(lambda: sink.mails, 300)
        assert 50 < time.monotonic() - died < 90 + 3 * slowness
    finally:
        for process in processes:
            process.stop()
    assert len(sink.mails) == 1
