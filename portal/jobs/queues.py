"""Workers and failed queue jobs, read from Redis. While Redis is unavailable they are unknown, but nothing is lost."""

from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.worker import BaseWorker

from portal.platform.problems import Conflict, NotFound
from portal.platform.queue import QueueName

MAX_SHOWN = 50
ERROR_LENGTH = 600


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A live worker: what it does, and when its last heartbeat was."""

    name: str
    state: str
    job: str | None
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A queue job that ended with an error, and its queue."""

    id: str
    queue: str
    function: str
    ended_at: datetime | None
    error: str


def list_workers(redis: Redis) -> list[WorkerState]:
    """All live workers, by name; none while Redis is unavailable."""
    try:
        return sorted((_worker(worker) for worker in Worker.all(connection=redis)), key=lambda worker: worker.name)
    except (RedisError, OSError):
        return []


def list_failed_jobs(redis: Redis) -> list[FailedJob] | None:
    """The failed jobs of all queues, at most `MAX_SHOWN` of each; None while Redis is unavailable."""
    try:
        return [job for name in QueueName for job in _failed(name, redis)]
    except (RedisError, OSError):
        return None


def retry_job(redis: Redis, queue: str, job_id: str) -> str:
    """Requeue a failed job; returns its function's name. Jobs claim work in the database, so nothing is done twice.

    :raises NotFound: if there is no such failed job.
    :raises Conflict: if Redis is unavailable.
    """
    try:
        job = _fetch(redis, queue, job_id)
        Queue(queue, connection=redis).failed_job_registry.requeue(job_id)
    except (RedisError, OSError) as error:
        raise Conflict("Redis is away. Try again when it is back.") from error
    return job.func_name or job_id


def drop_job(redis: Redis, queue: str, job_id: str) -> str:
    """Delete a failed job; returns its function's name. The work it was to wake a worker for stays in the database.

    :raises NotFound: if there is no such failed job.
    :raises Conflict: if Redis is unavailable.
    """
    try:
        job = _fetch(redis, queue, job_id)
        Queue(queue, connection=redis).failed_job_registry.remove(job_id, delete_job=True)
    except (RedisError, OSError) as error:
        raise Conflict("Redis is away. Try again when it is back.") from error
    return job.func_name or job_id


def _fetch(redis: Redis, queue: str, job_id: str) -> Job:
    if queue not in set(QueueName) or job_id not in Queue(queue, connection=redis).failed_job_registry:
        raise NotFound
    try:
        return Job.fetch(job_id, connection=redis)
    except NoSuchJobError as error:
        raise NotFound from error


def _failed(name: QueueName, redis: Redis) -> list[FailedJob]:
    registry = Queue(name.value, connection=redis).failed_job_registry
    found = Job.fetch_many(registry.get_job_ids(0, MAX_SHOWN - 1, cleanup=False), connection=redis)
    return [
        FailedJob(job.id, name.value, job.func_name or job.id, _utc(job.ended_at), _last_lines(job))
        for job in found
        if job
    ]


def _last_lines(job: Job) -> str:
    result = job.latest_result()
    return str((result and result.exc_string) or "It ended without a word.").strip()[-ERROR_LENGTH:]


def _worker(worker: BaseWorker) -> WorkerState:
    job = worker.get_current_job()
    return WorkerState(worker.name, worker.get_state(), job.func_name if job else None, _utc(worker.last_heartbeat))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
