"""What operators can request: a run of a job now, and a retry of a failed run. Workers carry out both."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import audit
from portal.platform.audit import Act
from portal.platform.problems import Conflict, NotFound

_ASK = text("""
    INSERT INTO job_runs (job_id, slot, by_hand, asked_by, status, next_attempt_at)
    VALUES (:job_id, :slot, true, :actor, 'due', :now) ON CONFLICT DO NOTHING RETURNING slot
""")
_AGAIN = text("""
    UPDATE job_runs SET status = 'due', attempts = 0, next_attempt_at = :now, finished_at = NULL
    WHERE job_id = :job_id AND slot = :slot AND status = 'failed' AND (NOT by_hand OR asked_by IS NOT NULL)
    RETURNING error
""")
_STATUS = text("SELECT status FROM job_runs WHERE job_id = :job_id AND slot = :slot")
_OPEN = text("""
    SELECT slot FROM job_runs
    WHERE job_id = :job_id AND asked_by IS NOT NULL AND status IN ('due', 'running') ORDER BY slot DESC LIMIT 1
""")


def ask_for_run(session: Session, job_id: str, act: Act) -> datetime:
    """Record a run of a job as of now, for a worker to do; returns its slot. Without a wake-up the next tick finds it.

    :raises Conflict: if a requested run of the job is still open.
    """
    if session.scalar(_OPEN, {"job_id": job_id}) is not None:
        raise Conflict("A run that somebody asked for has not ended yet.")
    slot = act.now + timedelta(microseconds=1)  # never a slot of the schedule
    values = {"job_id": job_id, "slot": slot, "actor": act.actor, "now": act.now}
    if session.scalar(_ASK, values) is None:
        raise Conflict("Somebody asked for the same run at this very moment.")
    audit.record(
        session,
        act,
        action="job.run",
        object_type="job",
        object_id=job_id,
        after={"slot": slot.isoformat()},
    )
    return slot


def retry_run(session: Session, job_id: str, slot: datetime, act: Act) -> None:
    """Have workers do the rest of a failed run; parts that are done stay done.

    :raises NotFound: if there is no such run.
    :raises Conflict: if it has not failed, or it was begun at a terminal, where it must be repeated.
    """
    values = {"job_id": job_id, "slot": slot, "now": act.now}
    failed = session.execute(_AGAIN, values).first()
    if failed is None:
        status = session.scalar(_STATUS, values)
        if status is None:
            raise NotFound
        raise Conflict(f"It is {status} and cannot be tried again here.")
    audit.record(
        session,
        act,
        action="job.retry",
        object_type="job",
        object_id=job_id,
        before={"slot": slot.isoformat(), "status": "failed", "error": failed.error},
        after={"status": "due"},
    )
