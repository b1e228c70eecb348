"""A worker that is asked to end while Redis cannot be reached does so, once the job at hand has."""

import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rq import Worker
from rq.worker import WorkerStatus

from portal.platform.queue import QueueName, client, enqueue
from portal.platform.web.application import Portal
from portal.supervisor.redis import Redis
from tests import databases
from tests.resilience.workers import Process, flask
from tests.sink import wait_for

JOB_SECONDS = 4
# It takes some 4 s, and a supervisor waits for 10; here for longer, as a test may have slow neighbours.
PATIENCE = 60


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of the test's own."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        (Path(folder) / "log").mkdir()
        server = Redis(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def worker(servers: databases.Servers, app: Portal, redis: Redis) -> Iterator[Process]:
    """A worker that waits for jobs, in the context of an application that can give it some."""
    application = databases.make_app(servers, servers.create("away"), redis_url=redis.url())
    with application.app_context():
        process = flask("worker", application)
        wait_for(lambda: has_worker(WorkerStatus.IDLE), 120)
        yield process
        process.stop()
        databases.dispose(application)
    servers.drop("away")


def has_worker(state: WorkerStatus) -> bool:
    return [worker.get_state() for worker in Worker.all(connection=client())] == [state]


def freeze(server: psutil.Process) -> None:
    server.send_signal(signal.SIGSTOP)


def kill(server: psutil.Process) -> None:
    server.kill()


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("harm", [freeze, kill])
def test_it_ends_when_asked_to(
    worker: Process, redis: Redis, harm: Callable[[psutil.Process], None], busy: bool
) -> None:
    if busy:
        enqueue(QueueName.MESSAGES, "time.sleep", JOB_SECONDS)
        wait_for(lambda: worker.horses and has_worker(WorkerStatus.BUSY), 60)
    horses = worker.horses
    assert redis.process is not None
    server = psutil.Process(redis.process.pid)
    harm(server)
    try:
        worker.popen.send_signal(signal.SIGTERM)
        assert_ended(worker)
        assert [horse for horse in horses if horse.is_running()] == [], "the job at hand was left behind"
    finally:
        if server.is_running():
            server.send_signal(signal.SIGCONT)


def assert_ended(worker: Process) -> None:
    try:
        worker.popen.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail(f"it still runs {PATIENCE} s later")
