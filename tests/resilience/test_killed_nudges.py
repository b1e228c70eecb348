"""Runs are killed while they send nudges: nobody gets two, what is known is recorded, the rest is uncertain."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from portal.nudges.lost_claims import settle_lost_claims
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests import databases
from tests.nudges.people import decisions, make_due, run
from tests.resilience.workers import Process, environment
from tests.sink import Sink, running_sink, wait_for

KILLS = 3


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The mail server."""
    with running_sink() as started:
        yield started


@pytest.fixture
def mailing(servers: databases.Servers, app: Portal, sink: Sink) -> Iterator[Portal]:
    """An application with database and mail server of its own, within its context."""
    application = databases.make_app(servers, servers.create("nudgekills"), email_url=sink.url)
    with application.app_context():
        yield application
        databases.dispose(application)
    servers.drop("nudgekills")


def start(app: Portal) -> Process:
    """`flask jobs run loyalty_nudge_aggregation`."""
    return Process(["-m", "flask", "--app", "wsgi", "jobs", "run", "loyalty_nudge_aggregation"], environment(app))


def let_leases_run_out() -> None:
    with unit_of_work() as session:
        session.execute(
            text("UPDATE loyalty_nudge_dispatch_events SET lease_until = created_at WHERE status = 'claimed'")
        )


@pytest.mark.parametrize("moment", ["after-claim", "after-send"])
def test_nobody_gets_two_and_what_may_be_lost_is_uncertain(mailing: Portal, sink: Sink, moment: str) -> None:
    members = [make_due() for _ in range(KILLS)]
    running: list[Process] = []

    def strike(_: Any) -> None:
        running[-1].popen.kill()

    sink.answers["EHLO" if moment == "after-claim" else "DATA"] = strike
    for _ in range(KILLS):
        running.append(start(mailing))
        assert running[-1].popen.wait(60) == -9
        running[-1].stop()
    sink.answers.clear()
    assert [decisions(member) for member in members] == [[("claimed", "sending", "email")]] * KILLS
    run()
    assert settle_lost_claims() == 0, "their leases are not over"
    let_leases_run_out()
    assert (settle_lost_claims(), settle_lost_claims()) == (KILLS, 0)
    run()
    run(clock.now() + timedelta(days=8))
    assert [decisions(member) for member in members] == [[("uncertain", "worker_lost", "email")]] * KILLS
    received = Counter(mail["To"] for mail in sink.mails)
    assert len(received) == (0 if moment == "after-claim" else KILLS)
    assert set(received.values()) <= {1}


def test_what_the_message_knows_is_recorded_when_its_run_was_lost(mailing: Portal, sink: Sink) -> None:
    """The run dies after the mail was taken and that was committed, before the dispatch was."""
    member = make_due()
    url = mailing.config["SETTINGS"].database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as watcher:
        running: list[Process] = []

        def hold(_: Any) -> None:
            holder.execute("SELECT FROM loyalty_nudge_dispatch_events WHERE status = 'claimed' FOR UPDATE")
            threading.Thread(target=strike).start()

        def strike() -> None:
            waiting = (
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%dispatch_events SET%'"
            )
            wait_for(lambda: watcher.execute(waiting).fetchall())
            running[-1].popen.kill()

        sink.answers["DATA"] = hold
        running.append(start(mailing))
        assert running[-1].popen.wait(60) == -9
        running[-1].stop()
        holder.rollback()
    sink.answers.clear()
    let_leases_run_out()
    assert settle_lost_claims() == 1
    run()
    assert decisions(member) == [("sent", "due", "email")]
    assert len(sink.mails) == 1
