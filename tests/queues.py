"""A Redis database for tests that work with queues, apart from the one that all other tests share."""

from tests.databases import Servers


def queue_url(servers: Servers) -> str:
    """The URL of this worker's own database."""
    number = 1 + int(servers.worker.removeprefix("gw") or 0) if servers.worker.startswith("gw") else 1
    joint = "&" if "?" in servers.redis_url else "?"
    return f"{servers.redis_url}{joint}db={number}"
