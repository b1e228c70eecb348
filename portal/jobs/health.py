"""The health of jobs, queues, workers and the outbox, as operators and Prometheus see it."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from sqlalchemy import text

from portal.jobs.schedules import Schedule
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document
from portal.platform.outbox import BACKLOG, describe_backlog
from portal.platform.queue import QueueName

# How late a slot may begin before it counts as overdue.
GRACE = timedelta(minutes=2)
OUTBOX_LATE_SECONDS = 300

_LAST = text("""
    SELECT j.job_id, last.*, planned.slot AS planned_slot, planned.status AS planned_status,
           planned.attempts AS planned_attempts, planned.lease_until AS planned_lease
    FROM unnest(CAST(:job_ids AS text[])) AS j(job_id)
    LEFT JOIN LATERAL (
        SELECT started_at, finished_at, status, metrics FROM job_runs r
        WHERE r.job_id = j.job_id AND r.started_at IS NOT NULL ORDER BY r.started_at DESC LIMIT 1) last ON true
    LEFT JOIN LATERAL (
        SELECT slot, status, attempts, lease_until FROM job_runs r
        WHERE r.job_id = j.job_id AND NOT r.by_hand ORDER BY r.slot DESC LIMIT 1) planned ON true
""")


class LastRow(NamedTuple):
    """A job's run that began last, and the latest run planned by its schedule; None if there is none."""

    job_id: str
    started_at: datetime | None
    finished_at: datetime | None
    status: str | None
    metrics: Document | None
    planned_slot: datetime | None
    planned_status: str | None
    planned_attempts: int | None
    planned_lease: datetime | None


def get_health(schedules: Collection[Schedule], redis: Redis, now: datetime, zone: ZoneInfo) -> Document:
    """The health document: `stale` if a slot is overdue, `degraded` if something failed or is unavailable."""
    found: list[LastRow] = read_all(_LAST, {"job_ids": [schedule.id for schedule in schedules]})
    rows = {row.job_id: row for row in found}
    jobs = [_job(schedule, rows[schedule.id], now, zone) for schedule in schedules]
    queues, workers = get_queues(redis, now)
    outbox = describe_backlog(read_one(BACKLOG, {}), now)
    troubled = (
        not workers
        or any(job["enabled"] and job["lastStatus"] in ("failed", "retrying") for job in jobs)
        or outbox["oldestAgeSeconds"] > OUTBOX_LATE_SECONDS
    )
    overdue = any(is_overdue(schedule, rows[schedule.id], now, zone) for schedule in schedules)
    status = "stale" if overdue else "degraded" if troubled else "ok"
    return {"status": status, "jobs": jobs, "queues": queues, "workers": workers, "outbox": outbox}


def is_overdue(schedule: Schedule, row: LastRow, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the job's latest slot should have begun and has not, or its worker has died."""
    if not schedule.enabled:
        return False
    expected = schedule.last_slot(now - GRACE, zone)
    if row.planned_slot is None or row.planned_slot < expected:
        return True
    if row.planned_slot > expected:
        return False
    if row.planned_status == "due":
        return row.planned_attempts == 0
    return row.planned_status == "running" and row.planned_lease is not None and row.planned_lease < now - GRACE


def get_queues(redis: Redis, now: datetime) -> tuple[list[Document], int]:
    """Depth, age and failures of each queue, and the number of live workers; nulls and 0 while Redis is unavailable."""
    try:
        return [_queue(name, redis, now) for name in QueueName], len(Worker.all(connection=redis))
    except (RedisError, OSError):
        unknown = {"depth": None, "oldestAgeSeconds": None, "failed": None}
        return [{"name": name.value, **unknown} for name in QueueName], 0


def _queue(name: QueueName, redis: Redis, now: datetime) -> Document:
    queue = Queue(name.value, connection=redis)
    age, first = 0.0, queue.get_job_ids(0, 1)
    if first:
        try:
            enqueued = Job.fetch(first[0], connection=redis).enqueued_at
        except NoSuchJobError:
            enqueued = None
        if enqueued is not None:
            age = max((now - enqueued.replace(tzinfo=enqueued.tzinfo or UTC)).total_seconds(), 0.0)
    failed = queue.failed_job_registry.get_job_count(cleanup=False)
    return {"name": name.value, "depth": queue.count, "oldestAgeSeconds": round(age, 3), "failed": failed}


def _job(schedule: Schedule, row: LastRow, now: datetime, zone: ZoneInfo) -> Document:
    took = (row.finished_at - row.started_at).total_seconds() if row.started_at and row.finished_at else None
    return {
        "id": schedule.id,
        "function": schedule.name,
        "schedule": schedule.words,
        "enabled": schedule.enabled,
        "lastRunAt": row.started_at,
        "lastStatus": "retrying" if row.status == "due" else row.status,
        "lastDurationMs": round(took * 1000, 1) if took is not None else None,
        "nextRunAt": schedule.next_slot(now, zone) if schedule.enabled else None,
        "metrics": row.metrics or {},
    }
