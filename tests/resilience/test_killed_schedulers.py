"""Two schedulers are killed again and again and Redis forgets everything: every slot takes effect exactly once."""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from portal.ledger.verify import find_differences
from portal.platform.db import unit_of_work
from portal.platform.queue import client
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member
from tests.queues import queue_url
from tests.resilience.fast import BEGIN, SPEED
from tests.resilience.workers import Process, environment
from tests.sink import wait_for

KILLS = 50
FORGETS = 10


@pytest.fixture
def beating(servers: databases.Servers, app: Portal) -> Iterator[Portal]:
    """An application with a member to credit, on a database and queues of its own."""
    application = databases.make_app(servers, servers.create("beats"), redis_url=queue_url(servers))
    with application.app_context():
        client().flushdb()
        with unit_of_work() as session:
            make_member(session, make_user(session, id="beat"))
        yield application
        client().flushdb()
        databases.dispose(application)
    servers.drop("beats")


def slots_done() -> list[tuple[datetime, str]]:
    with unit_of_work() as session:
        return [(row[0], row[1]) for row in session.execute(text("SELECT slot, status FROM job_runs ORDER BY slot"))]


def past(moment: datetime) -> bool:
    return slots_done()[-1][0] > moment


def test_every_slot_takes_effect_exactly_once(beating: Portal) -> None:
    began, chance = time.time(), random.Random(7)
    worker, breeder = (
        Process(["-m", "tests.resilience.fast", command, str(began)], environment(beating))
        for command in ("worker", "schedulers")
    )
    try:
        schedulers = [int(breeder.ask()), int(breeder.ask())]
        wait_for(lambda: [row for row in slots_done() if row[1] == "succeeded"])
        for kill in range(KILLS):
            time.sleep(chance.uniform(0.05, 1.2))
            os.kill(schedulers[kill % 2], signal.SIGKILL)
            schedulers[kill % 2] = int(breeder.ask())
            if kill % (KILLS // FORGETS) == 0:
                client().flushdb()
        wanted = BEGIN + (time.time() - began) * SPEED * timedelta(seconds=1)
        wait_for(lambda: all(row[1] == "succeeded" for row in slots_done() if row[0] < wanted) and past(wanted), 300)
    finally:
        breeder.stop()
        worker.stop()
    finished = [row[0] for row in slots_done() if row[1] == "succeeded" and row[0] < wanted]
    assert len(finished) > 5
    assert finished == [finished[0] + timedelta(minutes=number) for number in range(len(finished))]
    with unit_of_work() as session:
        credited = session.scalars(text("SELECT external_id FROM loyalty_ledger_entries ORDER BY seq")).all()
        assert len(credited) == len(set(credited))
        assert {slot.isoformat() for slot in finished} <= set(credited)
        assert find_differences(session) == []
