"""`flask worker`: an RQ worker over the declared queues, which outlives a stopped or restarted Redis."""

import logging
import time

from flask import Flask
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue

from portal.core.queue import QueueName, connect

log = logging.getLogger(__name__)
# A worker that has not been heard of for this long is dead; its work is taken over by lease, within 90 s.
WORKER_TTL = 30
HEARTBEAT_SECONDS = 10
MAINTENANCE_SECONDS = 15
LONGEST_PAUSE = 5.0


class PortalWorker(Worker):
    """Runs each job in a fork with the application's context and connections of its own."""

    max_connection_wait_time = LONGEST_PAUSE
    app: Flask

    @property
    def asked_to_stop(self) -> bool:
        """Whether a signal has asked it to end."""
        return self._shutdown_requested_date is not None

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Do the job, in the forked process; does not return."""
        with self.app.app_context():
            forget_connections(self.app)
            super().main_work_horse(job, queue)


def forget_connections(app: Flask) -> None:
    """Leave the parent's database connections to the parent."""
    app.extensions["sqlalchemy"].engine.dispose(close=False)
    app.extensions["reads"].dispose(close=False)


def work(app: Flask, *, burst: bool = False) -> None:
    """Work until SIGTERM or SIGINT, which lets the job at hand finish; a second one ends that too.

    `burst`: until the queues are empty.
    """
    while True:
        try:
            worker = _make(app)
            worker.work(burst=burst, logging_level="WARNING")
            if burst or worker.asked_to_stop:
                return
        except StopRequested:
            return
        except (RedisError, OSError) as error:
            log.warning("Redis is away", extra={"error": type(error).__name__})
        time.sleep(1)


def _make(app: Flask) -> PortalWorker:
    worker = PortalWorker(
        [name.value for name in QueueName], connection=connect(app.config["SETTINGS"].redis_url, patient=True),
        worker_ttl=WORKER_TTL, job_monitoring_interval=HEARTBEAT_SECONDS, maintenance_interval=MAINTENANCE_SECONDS,
        log_job_description=False,
    )  # fmt: skip
    worker.app = app
    return worker
