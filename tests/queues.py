"""A Redis database for tests that work with queues, apart from the one that a worker's other tests use."""

import re

from tests.databases import Servers

FIRST = 8


def queue_url(servers: Servers) -> str:
    """The URL of this worker's database for queues."""
    number = servers.worker.removeprefix("gw")
    own = f"db={FIRST + (int(number) if number.isdigit() else 0)}"
    if "db=" in servers.redis_url:
        return re.sub(r"db=\d+", own, servers.redis_url)
    return f"{servers.redis_url}{'&' if '?' in servers.redis_url else '?'}{own}"
