"""Runs and their parts: claimed in the database by lease and fencing token, so that each (job, slot) takes effect once.

Leases follow the real clock, even if a run works as of another moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.jobs.durations import add_duration
from portal.platform import clock
from portal.platform.documents import to_json
from portal.platform.steps import Figures, Shard, Step

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 6
# After this time a run that was announced but not begun is announced again.
ANNOUNCE_AGAIN = timedelta(seconds=20)


class LeaseLost(Exception):
    """Another worker has taken over the run or part; this one's outcome is discarded."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run in this worker's lease."""

    job_id: str
    slot: datetime
    fence: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part in this worker's lease; `figures` are the results of earlier attempts at it."""

    step: str
    shard: Shard
    fence: int
    figures: Figures


_OPEN = text("""
    INSERT INTO job_runs (job_id, slot, status, next_attempt_at) VALUES (:job_id, :slot, 'due', :now)
    ON CONFLICT DO NOTHING
""")
_ANNOUNCE = text("""
    UPDATE job_runs SET next_attempt_at = :again
    WHERE (job_id, slot) IN (
        SELECT job_id, slot FROM job_runs
        WHERE status IN ('due', 'running') AND (NOT by_hand OR asked_by IS NOT NULL) AND next_attempt_at <= :now
        ORDER BY slot FOR UPDATE SKIP LOCKED)
    RETURNING job_id, slot
""")
_CLAIM = text("""
    UPDATE job_runs SET status = 'running', fence = fence + 1, attempts = attempts + 1, lease_until = :until,
        next_attempt_at = :until, started_at = :now
    WHERE job_id = :job_id AND slot = :slot
      AND (status = 'due' OR (status = 'running' AND lease_until <= :now))
    RETURNING fence, attempts
""")
_BY_HAND = text("""
    INSERT INTO job_runs (job_id, slot, by_hand, status, fence, attempts, next_attempt_at, lease_until, started_at)
    VALUES (:job_id, :slot, true, 'running', 1, 1, :until, :until, :now)
    ON CONFLICT DO NOTHING RETURNING slot
""")
_RENEW = text("""
    UPDATE job_runs SET lease_until = :until, next_attempt_at = :until
    WHERE job_id = :job_id AND slot = :slot AND fence = :fence AND status = 'running'
""")
_END = text("""
    UPDATE job_runs SET status = :status, lease_until = NULL, finished_at = :finished_at, next_attempt_at = :next,
        metrics = CAST(:metrics AS jsonb), error = :error
    WHERE job_id = :job_id AND slot = :slot AND fence = :fence AND status = 'running'
""")
_ADD_PART = text("""
    INSERT INTO job_parts (job_id, slot, step, shard, shards, place, metrics)
    VALUES (:job_id, :slot, :step, :shard, :shards, :place, CAST(:metrics AS jsonb)) ON CONFLICT DO NOTHING
""")
_CLAIM_PART = text("""
    UPDATE job_parts p SET status = 'running', fence = p.fence + 1, lease_until = :until
    FROM (SELECT job_id, slot, step, shard FROM job_parts
          WHERE job_id = :job_id AND slot = :slot
            AND (status = 'due' OR (status = 'running' AND lease_until <= :now))
          ORDER BY place, shard LIMIT 1 FOR UPDATE SKIP LOCKED) c
    WHERE (p.job_id, p.slot, p.step, p.shard) = (c.job_id, c.slot, c.step, c.shard)
    RETURNING p.step, p.shard, p.shards, p.fence, p.metrics
""")
_KEEP_PART = text("""
    UPDATE job_parts SET lease_until = :until, metrics = CAST(:metrics AS jsonb)
    WHERE job_id = :job_id AND slot = :slot AND step = :step AND shard = :shard AND fence = :fence
      AND status = 'running'
""")
_LEAVE_PART = text("""
    UPDATE job_parts SET lease_until = NULL, status = :status, metrics = CAST(:metrics AS jsonb)
    WHERE job_id = :job_id AND slot = :slot AND step = :step AND shard = :shard AND fence = :fence
      AND status = 'running'
""")
_PARTS = text("SELECT step, status, metrics FROM job_parts WHERE job_id = :job_id AND slot = :slot")


def open_slots(session: Session, job_id: str, slots: Sequence[datetime]) -> int:
    """Record slots as due; returns how many were new."""
    now = clock.now()
    return sum(_changed(session, _OPEN, {"job_id": job_id, "slot": slot, "now": now}) for slot in slots)


def announce_due(session: Session) -> list[tuple[str, datetime]]:
    """The runs to wake workers for: due ones, and those whose worker has died; not again before `ANNOUNCE_AGAIN`."""
    now = clock.now()
    return [(row.job_id, row.slot) for row in session.execute(_ANNOUNCE, {"now": now, "again": now + ANNOUNCE_AGAIN})]


def claim_run(session: Session, job_id: str, slot: datetime) -> Run | None:
    """Claim a run with a lease of 60 s; None if it is closed or another worker leases it."""
    now = clock.now()
    values = {"job_id": job_id, "slot": slot, "now": now, "until": now + LEASE}
    row = session.execute(_CLAIM, values).first()
    return Run(job_id, slot, row.fence, row.attempts) if row else None


def begin_by_hand(session: Session, job_id: str, moment: datetime) -> Run:
    """Record a run that was begun at a terminal, as of `moment`, and claim it."""
    now, slot = clock.now(), moment + timedelta(microseconds=1)  # never a slot of the schedule
    while True:
        values = {"job_id": job_id, "slot": slot, "now": now, "until": now + LEASE}
        if session.execute(_BY_HAND, values).first():
            return Run(job_id, slot, 1, 1)
        slot += timedelta(microseconds=1)


def renew(session: Session, run: Run) -> None:
    """Extend the lease of a run by 60 s from now.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    if not _changed(session, _RENEW, {**_key(run), "fence": run.fence, "until": clock.now() + LEASE}):
        raise LeaseLost(run.job_id)


def succeed(session: Session, run: Run, metrics: dict[str, Any]) -> None:
    """Close a run as succeeded.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    _end(session, run, "succeeded", metrics, None, clock.now())


def fail(session: Session, run: Run, metrics: dict[str, Any], error: str, *, for_good: bool = False) -> None:
    """Schedule a retry of a failed run with exponential back-off, or close it after the last attempt or if `for_good`.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    now = clock.now()
    if for_good or run.attempts >= MAX_ATTEMPTS:
        _end(session, run, "failed", metrics, error, now)
    else:
        _end(session, run, "due", metrics, error, None, now + timedelta(seconds=15 * 2**run.attempts))


def add_parts(session: Session, run: Run, steps: Sequence[Step]) -> None:
    """Record the parts of a run; those already recorded stay as they are."""
    rows = [
        {
            **_key(run),
            "step": step.name,
            "shard": shard,
            "shards": step.shards,
            "place": place,
            "metrics": to_json(dict.fromkeys(step.figures, 0)).decode(),
        }
        for place, step in enumerate(steps)
        for shard in range(step.shards)
    ]
    session.execute(_ADD_PART, rows)


def claim_part(session: Session, run: Run) -> Part | None:
    """Claim the next part of a run with a lease of 60 s; None if all are done or taken."""
    now = clock.now()
    row = session.execute(_CLAIM_PART, {**_key(run), "now": now, "until": now + LEASE}).first()
    return Part(row.step, Shard(row.shard, row.shards), row.fence, row.metrics) if row else None


def keep_part(session: Session, run: Run, part: Part, figures: Figures) -> None:
    """Record the figures of a part so far and extend its lease by 60 s from now.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    _part(session, _KEEP_PART, run, part, figures, until=clock.now() + LEASE)


def finish_part(session: Session, run: Run, part: Part, figures: Figures) -> None:
    """Close a part.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    _part(session, _LEAVE_PART, run, part, figures, status="done")


def give_part_back(session: Session, run: Run, part: Part, figures: Figures) -> None:
    """Release a part, so that another attempt can do it.

    :raises LeaseLost: if it is no longer in this worker's lease.
    """
    _part(session, _LEAVE_PART, run, part, figures, status="due")


def get_progress(session: Session, run: Run) -> tuple[bool, dict[str, Figures]]:
    """Whether all parts of a run are done, and the figures of each step so far."""
    rows = session.execute(_PARTS, _key(run)).all()
    totals: dict[str, Figures] = {}
    for row in rows:
        total = totals.setdefault(row.step, {})
        for name, value in row.metrics.items():
            total[name] = total.get(name, 0) + value
    return all(row.status == "done" for row in rows), totals


def _end(
    session: Session,
    run: Run,
    status: str,
    metrics: dict[str, Any],
    error: str | None,
    finished: datetime | None,
    next_attempt: datetime | None = None,
) -> None:
    values = {
        **_key(run),
        "fence": run.fence,
        "status": status,
        "metrics": to_json(metrics).decode(),
        "error": error[:2000] if error else None,
        "finished_at": finished,
        "next": next_attempt or finished,
    }
    if not _changed(session, _END, values):
        raise LeaseLost(run.job_id)
    add_duration(session, run.job_id, run.slot, "retried" if status == "due" else status, clock.now())


def _part(session: Session, statement: Any, run: Run, part: Part, figures: Figures, **values: Any) -> None:
    key = {**_key(run), "step": part.step, "shard": part.shard.number, "fence": part.fence}
    if not _changed(session, statement, {**key, "metrics": to_json(figures).decode(), **values}):
        raise LeaseLost(f"{run.job_id} {part.step}")


def _key(run: Run) -> dict[str, object]:
    return {"job_id": run.job_id, "slot": run.slot}


def _changed(session: Session, statement: Any, values: dict[str, Any]) -> int:
    count: int = session.execute(statement, values).rowcount  # type: ignore[attr-defined]  # a cursor has it
    return count
