"""The functions of RQ jobs: tick, carry out a run, help with one."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.jobs import runner, runs
from portal.jobs.runs import Run
from portal.jobs.schedules import Schedule
from portal.jobs.web.schedules import get_schedules
from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.queue import QueueName, enqueue
from portal.platform.settings import current_settings
from portal.programme import record_version

log = logging.getLogger(__name__)
RUN_SECONDS = 1800
HELPERS = 7
MESSAGES_EACH = 25

_SEEN = text("SELECT max(slot) FROM job_runs WHERE job_id = :job_id AND NOT by_hand")
_OUTBOX_DUE = text("""
    SELECT count(*) FROM (SELECT FROM outbox WHERE status = 'pending' AND next_attempt_at <= :now LIMIT 400) d
""")


def tick() -> None:
    """Record the slots that are due and settings that have changed; wake workers for slots and due messages.

    Further ticks, concurrent or late, have no further effect.
    """
    zone = current_settings().programme_timezone
    with unit_of_work() as session:
        record_version(session, current_settings(), clock.now())
        for schedule in get_schedules().values():
            _open_due(session, schedule, zone)
    with unit_of_work() as session:
        announced = runs.announce_due(session)
        waiting = session.scalar(_OUTBOX_DUE, {"now": clock.now()}) or 0
    for job_id, slot in announced:
        _wake("run_slot", job_id, slot, "run")
    for number in range(-(-waiting // MESSAGES_EACH)):
        enqueue(QueueName.MESSAGES, outbox.BACKLOG_JOB, job_id=f"outbox-{number}", timeout=outbox.SECONDS)


def run_slot(job_id: str, slot: str) -> None:
    """Carry out a run, unless it is closed or another worker leases it."""
    schedule, moment = get_schedules().get(job_id), datetime.fromisoformat(slot)
    with unit_of_work() as session:
        run = runs.claim_run(session, job_id, moment)
        if run is not None and schedule is None:
            runs.fail(session, run, {}, "there is no such schedule any more", for_good=True)
    if run is not None and schedule is not None:
        runner.carry_out(run, schedule, wake=lambda: _wake_helpers(job_id, moment))


def wake_run(job_id: str, slot: datetime) -> None:
    """Wake a worker for a run that is due; while Redis is unavailable this is left to the next tick."""
    _wake("run_slot", job_id, slot, "run")


def help_run(job_id: str, slot: str) -> None:
    """Help with the parts of a run that is under way."""
    schedule = get_schedules().get(job_id)
    if schedule is None:
        return
    try:
        runner.help_out(Run(job_id, datetime.fromisoformat(slot), 0, 0), schedule)
    except runs.LeaseLost:
        log.warning("part taken over by another worker", extra={"job": job_id})


def _open_due(session: Session, schedule: Schedule, zone: ZoneInfo) -> None:
    if schedule.enabled:
        seen = session.scalar(_SEEN, {"job_id": schedule.id})
        runs.open_slots(session, schedule.id, schedule.due_slots(seen, clock.now(), zone))


def _wake_helpers(job_id: str, slot: datetime) -> None:
    for number in range(HELPERS):
        _wake("help_run", job_id, slot, f"help{number}")


def _wake(function: str, job_id: str, slot: datetime, name: str) -> None:
    enqueue(
        QueueName.SWEEPS,
        f"portal.jobs.web.jobs.{function}",
        job_id,
        slot.isoformat(),
        job_id=f"{name}-{job_id}-{slot:%Y%m%dT%H%M%S}",
        timeout=RUN_SECONDS,
    )
