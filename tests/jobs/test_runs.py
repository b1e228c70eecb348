"""Runs: each slot once, retried after failure, taken over from the dead, shared in parts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select

from portal.jobs import runner, runs
from portal.jobs.models import JobPart, JobRun
from portal.jobs.schedules import Schedule
from portal.jobs.web import jobs
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.steps import Figures, Shard, Step
from portal.platform.web.application import Portal
from tests.concurrency import at_once

SLOT = datetime(2026, 3, 4, 10, tzinfo=UTC)
done: list[int] = []
trouble: list[Exception] = []


def count_to_eighty(_: datetime) -> list[Step]:
    """Eight shards of ten pieces."""

    def work(shard: Shard) -> Figures | None:
        if trouble and shard.number == 5:
            raise trouble[0]
        mine = [number for number in done if number == shard.number]
        if len(mine) == 10:
            return None
        done.append(shard.number)
        return {"pieces": 1}

    return [Step("count", work, ("pieces",), 8)]


SCHEDULE = Schedule("count", f"{__name__}.count_to_eighty", every_minutes=15)


@pytest.fixture
def counting_app(committed_app: Portal) -> Iterator[Portal]:
    """An application with the counting job only."""
    done.clear()
    trouble.clear()
    committed_app.extensions["schedules"] = {"count": SCHEDULE}
    with committed_app.app_context():
        yield committed_app


def rows(model: Any) -> list[Any]:
    with unit_of_work() as session:
        found = session.scalars(select(model)).all()
        session.expunge_all()
        return list(found)


def open_slot() -> None:
    with unit_of_work() as session:
        runs.open_slots(session, "count", [SLOT])


def after(seconds: float, call: Callable[[], object]) -> None:
    with clock.at(clock.real_now() + timedelta(seconds=seconds)):
        call()


def run_slot() -> None:
    jobs.run_slot("count", SLOT.isoformat())


def test_a_slot_takes_effect_once_however_many_workers_are_woken_for_it(counting_app: Portal) -> None:
    open_slot()
    at_once(counting_app, 4, lambda _: jobs.run_slot("count", SLOT.isoformat()))
    run_slot()
    (run,) = rows(JobRun)
    assert (run.status, run.attempts, run.metrics) == ("succeeded", 1, {"count": {"pieces": 80}})
    assert {part.status for part in rows(JobPart)} == {"done"}
    assert len(done) == 80


def test_helpers_share_the_parts_and_none_is_done_twice(counting_app: Portal) -> None:
    open_slot()

    def work(number: int) -> None:
        jobs.run_slot("count", SLOT.isoformat()) if number == 0 else jobs.help_run("count", SLOT.isoformat())

    at_once(counting_app, 4, work)
    assert rows(JobRun)[0].metrics == {"count": {"pieces": 80}}
    assert len(done) == 80


def test_a_failed_run_is_tried_again_later_and_does_only_what_is_left(counting_app: Portal) -> None:
    open_slot()
    trouble.append(ConnectionError("no route"))
    run_slot()
    (run,) = rows(JobRun)
    assert (run.status, run.error) == ("due", "ConnectionError: no route")
    assert len(done) == 50
    with unit_of_work() as session:
        assert runs.announce_due(session) == []
    trouble.clear()
    run_slot()
    (run,) = rows(JobRun)
    assert (run.status, run.attempts, len(done)) == ("succeeded", 2, 80)


def test_a_run_that_never_succeeds_fails_for_good(counting_app: Portal) -> None:
    open_slot()
    trouble.append(ValueError("broken"))
    for _ in range(runs.MAX_ATTEMPTS + 2):
        run_slot()
    (run,) = rows(JobRun)
    assert (run.status, run.attempts) == ("failed", runs.MAX_ATTEMPTS)


def test_a_dead_workers_run_is_taken_over_and_it_may_not_finish_any_more(counting_app: Portal) -> None:
    open_slot()
    with unit_of_work() as session:
        lost = runs.claim_run(session, "count", SLOT)
        assert lost is not None
        runs.add_parts(session, lost, count_to_eighty(SLOT))
        runs.claim_part(session, lost)
    with unit_of_work() as session:
        assert runs.announce_due(session) == []
        assert runs.claim_run(session, "count", SLOT) is None

    def take_over() -> None:
        with unit_of_work() as session:
            assert runs.announce_due(session) == [("count", SLOT)]
        run_slot()

    after(runs.LEASE.total_seconds() + 1, take_over)
    assert rows(JobRun)[0].status == "succeeded"
    with pytest.raises(runs.LeaseLost), unit_of_work() as session:
        runs.succeed(session, lost, {})


def test_a_worker_whose_lease_was_taken_stops_between_two_pieces(counting_app: Portal) -> None:
    open_slot()
    with unit_of_work() as session:
        run = runs.claim_run(session, "count", SLOT)
    assert run is not None
    stale = runs.Run(run.job_id, run.slot, run.fence - 1, 1)
    assert runner.carry_out(stale, SCHEDULE) == "lost"
    assert len(done) <= 1


def test_a_tick_opens_what_is_due_and_missed_and_never_twice(counting_app: Portal) -> None:
    zone = current_app.config["SETTINGS"].programme_timezone
    counting_app.extensions["schedules"] = {"count": Schedule("count", SCHEDULE.function, every_minutes=15, catch_up=4)}
    begin = clock.now().replace(minute=7, second=0, microsecond=0)

    def tick(minutes: int) -> None:
        with clock.at(begin + timedelta(minutes=minutes)):
            jobs.tick()

    for minutes in (0, 0, 15, 60):
        at_once(counting_app, 3, lambda _, minutes=minutes: tick(minutes))
    slots = sorted(run.slot for run in rows(JobRun))
    first = SCHEDULE.last_slot(begin, zone)
    assert slots == [first + timedelta(minutes=15 * n) for n in range(5)]


def test_a_run_of_a_schedule_that_is_gone_is_closed(counting_app: Portal) -> None:
    open_slot()
    counting_app.extensions["schedules"] = {}
    run_slot()
    assert (rows(JobRun)[0].status, rows(JobRun)[0].error) == ("failed", "there is no such schedule any more")
