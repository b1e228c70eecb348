"""`flask scheduler`: an rq-scheduler that only enqueues ticks; the database decides what is due."""

import logging
import signal
import threading
import time
from datetime import datetime
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from rq_scheduler import Scheduler

from portal.platform.queue import QueueName, connect

log = logging.getLogger(__name__)
# The jobs to enqueue, by fixed id: the function, called without arguments, and its interval in seconds.
TICKS = {"portal-tick": ("portal.jobs.web.jobs.tick", 10)}
POLL_SECONDS = 2
ASSERT_SECONDS = 30
LOCK_SECONDS = 3


class TickScheduler(Scheduler):  # type: ignore[misc]  # rq_scheduler has no types
    """Enqueues a tick only if the one before has left the queue."""

    def acquire_lock(self) -> bool:
        """Take a short-lived lock: two schedulers at once do no harm, but a lock left behind would delay ticks."""
        taken = self.connection.set(self.scheduler_lock_key, time.time(), ex=LOCK_SECONDS, nx=True)
        self._lock_acquired = bool(taken)
        return self._lock_acquired

    def enqueue_job(self, job: Any) -> None:
        """Move a due tick to its queue and set its next time."""
        queue = self.get_queue_for_job(job)
        if self.connection.lpos(queue.key, job.id) is None:
            super().enqueue_job(job)
        else:
            self.connection.zadd(self.scheduled_jobs_key, {job.id: time.time() + job.meta["interval"]})


def assert_ticks(scheduler: Scheduler) -> None:
    """Schedule the ticks that are missing from Redis."""
    for job_id, (function, seconds) in TICKS.items():
        if job_id not in scheduler or not scheduler.connection.exists(scheduler.job_class.key_for(job_id)):
            scheduler.schedule(
                datetime.utcnow(),  # noqa: DTZ003 - its own form
                function,
                interval=seconds,
                id=job_id,
                timeout=60,
                queue_name=QueueName.CRITICAL.value,
                result_ttl=-1,
            )


def run(app: Flask) -> None:
    """Tick until SIGTERM or SIGINT; survives outages of Redis."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    scheduler = TickScheduler(
        queue_name=QueueName.CRITICAL.value,
        interval=POLL_SECONDS,
        connection=connect(app.config["SETTINGS"].redis_url, patient=True, seconds=3),
    )
    asserted = float("-inf")
    while not stop.is_set():
        try:
            if time.monotonic() - asserted >= ASSERT_SECONDS:
                assert_ticks(scheduler)
                asserted = time.monotonic()
            _poll(scheduler)
        except (RedisError, OSError) as error:
            log.warning("Redis is away", extra={"error": type(error).__name__})
            asserted = float("-inf")
        stop.wait(POLL_SECONDS)


def _poll(scheduler: Scheduler) -> None:
    if scheduler.acquire_lock():
        try:
            scheduler.enqueue_jobs()
        finally:
            scheduler.remove_lock()
