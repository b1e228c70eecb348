"""Redis stops answering under load: requests go on, and afterwards all that waited is sent."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.resilience.running import Running
from tests.sink import Sink, running_sink, wait_for

SECONDS = float(os.environ.get("STOPPED_REDIS_SECONDS", "20"))
CLIENTS = 4
LOYALTY = "/api/v1/loyalty"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The mail server."""
    with running_sink() as started:
        yield started


@pytest.fixture
def instance(sink: Sink) -> Iterator[Running]:
    """A `make run` whose mail goes to the sink."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        started = Running(
            Path(folder) / "instance", EMAIL_URL=sink.url, WORKERS="2", RATE_LIMIT_WRITES="100000/minute",
            RATE_LIMIT_READS="100000/minute",
        )  # fmt: skip
        started.wait()
        yield started
        started.end()


def load(instance: Running, token: str, number: int, until: float) -> tuple[list[float], int]:
    """Let members reach Gold, redeem and look, one after the other; the seconds of each answer, and how many rose."""
    took, risen = [], 0
    while time.monotonic() < until:
        user = f"m-{number}-{risen}"
        fields = {"email": f"{user}@example.com", "name": "M", "marketingMessages": True}
        calls = [
            ("PUT", f"/api/v1/users/{user}", fields, 201),
            ("POST", f"{LOYALTY}/members/{user}/adjustments", {"points": 150, "reason": "Goodwill"}, 201),
            ("POST", f"{LOYALTY}/members/{user}/redemptions", {"points": 20, "description": "Mug"}, 201),
            ("GET", "/login", None, 200),
        ]  # fmt: skip
        for method, path, body, status in calls:
            began = time.monotonic()
            answer = instance.ask(method, path, "" if path == "/login" else token, json=body)
            took.append(time.monotonic() - began)
            assert answer.status_code == status, answer.text
        risen += 1
        time.sleep(0.05)
    return took, risen


def test_requests_go_on_and_the_outbox_drains_afterwards(instance: Running, sink: Sink) -> None:
    token = instance.flask("tokens", "create", "--name", "tests", "--scope", "admin")
    answer = instance.ask("PUT", f"{LOYALTY}/tiers/gold", token, json={"name": "Gold", "threshold": 100})
    assert answer.status_code == 201, answer.text
    (redis,) = instance.processes("redis-server")
    redis.send_signal(signal.SIGSTOP)
    try:
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(CLIENTS) as pool:
            results = list(pool.map(lambda number: load(instance, token, number, until), range(CLIENTS)))
    finally:
        redis.send_signal(signal.SIGCONT)
    took = sorted(second for seconds, _ in results for second in seconds)
    risen = sum(count for _, count in results)
    assert took[int(len(took) * 0.95)] < 1
    resumed = time.monotonic()
    wait_for(lambda: len(sink.mails) == risen, 60)
    health = instance.ask("GET", "/api/v1/scheduler/health", token).json()
    print(f"{len(took)} answers, p95 {took[int(len(took) * 0.95)]:.3f} s, slowest {took[-1]:.3f} s; "
          f"{risen} mails {time.monotonic() - resumed:.1f} s after")  # fmt: skip
    assert health["outbox"] == {"pending": 0, "oldestAgeSeconds": 0.0, "uncertain": 0}
    assert len({mail["To"] for mail in sink.mails}) == risen
    instance.flask("ledger", "verify")
