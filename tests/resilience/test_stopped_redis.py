"""Redis stops answering under load: requests go on, and afterwards one worker sends all that waited.

`STOPPED_REDIS_SECONDS=120` stops it for two minutes.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from tests.resilience.load import LOYALTY, Client, p95
from tests.resilience.running import Running
from tests.sink import Sink, wait_for

SECONDS = float(os.environ.get("STOPPED_REDIS_SECONDS", "20"))
CLIENTS = 4
ASKED = ("adjustment", "redemption", "hub")


def test_requests_go_on_and_the_outbox_drains_afterwards(mailing_instance: Running, sink: Sink) -> None:
    instance = mailing_instance
    token = instance.flask("tokens", "create", "--name", "tests", "--scope", "admin")
    answer = instance.ask("PUT", f"{LOYALTY}/tiers/gold", token, json={"name": "Gold", "threshold": 100})
    assert answer.status_code == 201, answer.text
    clients = [Client(instance, token, number) for number in range(CLIENTS)]
    (redis,) = instance.processes("redis-server")
    redis.send_signal(signal.SIGSTOP)
    try:
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda client: client.go_on(until), clients))
    finally:
        redis.send_signal(signal.SIGCONT)
    resumed = time.monotonic()
    risen = sum(client.risen for client in clients)
    slow = {what: round(p95(clients, what), 3) for what in ASKED}
    print(f"{risen} members rose in {SECONDS:.0f} s; p95 in seconds: {slow}")
    assert max(slow.values()) < 1
    wait_for(lambda: len(sink.mails) == risen, 60)
    print(f"{risen} mails {time.monotonic() - resumed:.1f} s after")
    health = wait_for(lambda: idle(instance, token))
    assert health["outbox"]["uncertain"] == 0
    assert len({mail["To"] for mail in sink.mails}) == risen
    instance.flask("ledger", "verify")


def idle(instance: Running, token: str) -> dict[str, dict[str, int]] | None:
    """The health document, once nothing waits in the outbox."""
    found: dict[str, dict[str, int]] = instance.ask("GET", "/api/v1/scheduler/health", token).json()
    return found if found["outbox"]["pending"] == 0 else None
