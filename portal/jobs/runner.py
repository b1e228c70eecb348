"""Carrying out a run: its parts one after the other, shared with helpers."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from portal.jobs import runs
from portal.jobs.runs import LeaseLost, Part, Run
from portal.jobs.schedules import Schedule
from portal.platform import clock
from portal.platform.db import db, unit_of_work
from portal.platform.steps import Figures, Step, add_up

log = logging.getLogger(__name__)
POLL_SECONDS = 0.2
Wake = Callable[[], None]


@contextmanager
def as_of(shift: timedelta | None) -> Iterator[None]:
    """Run the block with a clock shifted from the real time; None: with the real time."""
    if shift is None:
        yield
    else:
        with clock.shifted(shift):
            yield


def carry_out(run: Run, schedule: Schedule, *, moment: datetime | None = None, wake: Wake | None = None) -> str:
    """Do the rest of a run in this worker's lease and close it; returns `succeeded`, `failed` or `lost`.

    With a `moment`, the work's clock starts at that time. `wake` calls helpers once there is more than one piece of
    work to share.
    """
    shift = None if moment is None else moment - clock.real_now()
    try:
        _work(run, schedule, shift, wake)
    except LeaseLost:
        log.warning("run taken over by another worker", extra={"job": run.job_id})
        return "lost"
    except Exception as error:
        db.session.rollback()
        log.exception("run failed", extra={"job": run.job_id})
        with unit_of_work() as session:
            _, figures = runs.get_progress(session, run)
            runs.fail(session, run, figures, f"{type(error).__name__}: {error}", for_good=shift is not None)
        return "failed"
    with unit_of_work() as session:
        _, figures = runs.get_progress(session, run)
        runs.succeed(session, run, figures)
    return "succeeded"


def help_out(run: Run, schedule: Schedule) -> int:
    """Do free parts of a run that another worker leases, until there are none; returns how many."""
    steps, done = _steps(run, schedule, None), 0
    while (part := _claim(run)) is not None:
        _do(run, steps[part.step], part, None, lambda: None)
        done += 1
    return done


def _work(run: Run, schedule: Schedule, shift: timedelta | None, wake: Wake | None) -> None:
    steps = _steps(run, schedule, shift)
    with unit_of_work() as session:
        runs.add_parts(session, run, list(steps.values()))
    helpers = [wake] if wake is not None else []

    def go_on() -> None:
        _renew(run)
        while helpers:
            helpers.pop()()

    while True:
        part = _claim(run)
        if part is not None:
            _do(run, steps[part.step], part, shift, go_on)
        elif _all_done(run):
            return
        else:
            _renew(run)
            time.sleep(POLL_SECONDS)


def _do(run: Run, step: Step, part: Part, shift: timedelta | None, after_piece: Wake) -> None:
    figures = part.figures
    try:
        while (piece := _piece(step, part, shift)) is not None:
            figures = add_up(figures, piece)
            with unit_of_work() as session:
                runs.keep_part(session, run, part, figures)
            after_piece()
    except LeaseLost:
        raise
    except BaseException:
        db.session.rollback()
        _leave(run, part, figures)
        raise
    with unit_of_work() as session:
        runs.finish_part(session, run, part, figures)


def _piece(step: Step, part: Part, shift: timedelta | None) -> Figures | None:
    with as_of(shift):
        return step.work(part.shard)


def _leave(run: Run, part: Part, figures: Figures) -> None:
    with unit_of_work() as session:
        runs.give_part_back(session, run, part, figures)


def _claim(run: Run) -> Part | None:
    with unit_of_work() as session:
        return runs.claim_part(session, run)


def _renew(run: Run) -> None:
    with unit_of_work() as session:
        runs.renew(session, run)


def _all_done(run: Run) -> bool:
    with unit_of_work() as session:
        return runs.get_progress(session, run)[0]


def _steps(run: Run, schedule: Schedule, shift: timedelta | None) -> dict[str, Step]:
    with as_of(shift):
        return {step.name: step for step in schedule.load()(run.slot)}
