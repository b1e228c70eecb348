"""`flask worker`: an RQ worker over the declared queues, which outlives a stopped or restarted Redis."""

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType

import psutil
from flask import Flask
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.utils import now
from rq.worker import WorkerStatus

from portal.platform.queue import QueueName, connect

log = logging.getLogger(__name__)
# A worker without a heartbeat for this many seconds is dead; when its lease expires, another takes over, within 90 s.
WORKER_TTL = 30
HEARTBEAT_SECONDS = 10
MAINTENANCE_SECONDS = 15
MAX_PAUSE = 5.0
# How long reporting the end of a job, or of a worker, to Redis may take.
REPORT_SECONDS = 2.0


class PortalWorker(Worker):
    """Runs each job in a forked process with its own application context and connections."""

    max_connection_wait_time = MAX_PAUSE
    app: Flask

    @property
    def asked_to_stop(self) -> bool:
        """Whether a signal has asked it to end."""
        return self._shutdown_requested_date is not None

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Let the current job finish, then end, whether Redis answers or not."""
        self._shutdown_requested_date = now()
        self._stop_requested = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.request_force_stop)
        threading.Thread(target=self._leave, daemon=True).start()
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Do the job, in the forked process; does not return."""
        with self.app.app_context():
            forget_connections(self.app)
            self.connection.connection_pool.connection_kwargs["socket_timeout"] = REPORT_SECONDS
            super().main_work_horse(job, queue)

    def _leave(self) -> None:
        """End the process if signing off from Redis takes too long: nothing is lost, as the state is in PostgreSQL."""
        until = time.monotonic() + REPORT_SECONDS
        while time.monotonic() < until:
            time.sleep(0.1)
            if self._has_horse():
                until = time.monotonic() + REPORT_SECONDS
        os._exit(0)

    def _has_horse(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return bool(self.horse_pid) and psutil.Process(self.horse_pid).status() != psutil.STATUS_ZOMBIE
        return False


def forget_connections(app: Flask) -> None:
    """Drop the inherited database connections without closing them: they are the parent's."""
    app.extensions["sqlalchemy"].engine.dispose(close=False)
    app.extensions["reads"].dispose(close=False)


def work(app: Flask, *, burst: bool = False) -> None:
    """Work until SIGTERM or SIGINT, which lets the current job finish; a second signal ends that too.

    `burst`: until the queues are empty.
    """
    with suppress(StopRequested):
        while not _work_once(app, burst=burst):
            time.sleep(1)


def _work_once(app: Flask, *, burst: bool) -> bool:
    """Work until the worker ends or Redis is unavailable; returns whether the process is finished."""
    worker = None
    try:
        worker = _make(app)
        worker.work(burst=burst, logging_level="WARNING")
    except (RedisError, OSError) as error:
        log.warning("Redis is away", extra={"error": type(error).__name__})
        return worker is not None and worker.asked_to_stop
    return burst or worker.asked_to_stop


def _make(app: Flask) -> PortalWorker:
    worker = PortalWorker(
        [name.value for name in QueueName],
        connection=connect(app.config["SETTINGS"].redis_url, patient=True),
        worker_ttl=WORKER_TTL,
        job_monitoring_interval=HEARTBEAT_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        log_job_description=False,
    )
    worker.app = app
    return worker
