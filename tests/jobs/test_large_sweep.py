"""A large expiry sweep with two real workers: shared in bounded batches, each lot once, and honest totals."""

from collections.abc import Iterator
from typing import Any

import pytest
from rq import Worker
from sqlalchemy import text

from portal.jobs import runs
from portal.jobs.web import jobs
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.queue import client
from portal.platform.web.application import Portal
from tests.jobs.sweeps import get_batches, get_shares, make_lots_due, watch_batches
from tests.resilience.workers import flask
from tests.sink import wait_for

MEMBERS, EACH = 3000, 8
JOB = "loyalty_progression"


@pytest.fixture
def swept(fresh_app: Portal) -> Iterator[dict[str, Any]]:
    """The run's figures by step, once two workers are through."""
    with unit_of_work() as session:
        make_lots_due(session, MEMBERS, EACH)
        watch_batches(session)
    slot = fresh_app.extensions["schedules"][JOB].last_slot(
        clock.now(), fresh_app.config["SETTINGS"].programme_timezone
    )
    with unit_of_work() as session:
        runs.open_slots(session, JOB, [slot])
    workers = [flask("worker", fresh_app) for _ in range(2)]
    try:
        wait_for(lambda: len(_working()) == 2, 120)
        jobs.tick()
        yield wait_for(lambda: _metrics(slot), 180)
    finally:
        for worker in workers:
            worker.stop()


def _working() -> set[str]:
    return {worker.name for worker in Worker.all(connection=client())}


def _metrics(slot: Any) -> dict[str, Any] | None:
    with unit_of_work() as session:
        statement = text("SELECT metrics FROM job_runs WHERE job_id = :job AND slot = :slot AND status = 'succeeded'")
        found: dict[str, Any] | None = session.scalar(statement, {"job": JOB, "slot": slot})
        return found


def test_both_workers_do_bounded_batches_and_the_figures_are_what_happened(swept: dict[str, Any]) -> None:
    with unit_of_work() as session:
        batches, largest, entries = get_batches(session)
        shares = get_shares(session)
        assert find_differences(session) == []
    assert entries == MEMBERS * EACH
    assert largest <= 2500
    assert len(shares) == 2, "each worker does all its batches in one session"
    assert sum(shares) == batches >= 12
    figures = swept["expired_points"]
    assert (figures["entries"], figures["points"]) == (MEMBERS * EACH, MEMBERS * EACH * 10)
    assert MEMBERS <= figures["members"] <= MEMBERS + batches, "who is in two batches counts in both"
