"""`flask scheduler`: rq-scheduler, which only ticks; what is due is decided in the database."""

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
# Fixed ids of what is enqueued, each without arguments, and every how many seconds.
TICKS = {"portal-tick": ("portal.jobs.web.jobs.tick", 10)}
POLL_SECONDS = 2
ASSERT_SECONDS = 30
LOCK_SECONDS = 3


class TickScheduler(Scheduler):  # type: ignore[misc]  # rq_scheduler has no types
    """Enqueues a tick only when the one before has been taken from the queue."""

    def acquire_lock(self) -> bool:
        """Keep other schedulers out for a moment; two at once would do no harm, a lock left behind delays ticks."""
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
    """Schedule the ticks that are missing, whoever lost them."""
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
    """Tick until SIGTERM or SIGINT; Redis may come and go."""
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
