"""Detects a reverse proxy that nobody declared: everybody who comes through it seems to have its address.

In production, while TRUSTED_PROXIES is 0, each process logs the first request with a forwarded header and stores that
in Redis for a day, so that every process can report it: on `/readyz` and on the console's home.
"""

import logging
import time

from flask import Flask, current_app, request
from redis.exceptions import RedisError

from portal.platform.queue import client

log = logging.getLogger(__name__)
HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP")
KEY = "portal:undeclared-proxy"
KEPT_SECONDS = 86_400
REMEMBERED_EVERY = 3_600
WARNING = (
    "Requests come through a reverse proxy that TRUSTED_PROXIES does not count. Everybody seems to have its address, "
    "and one who is held up stands for all. Set TRUSTED_PROXIES to the number of your proxies."
)


class Watch:
    """What this process has seen of an undeclared proxy."""

    def __init__(self) -> None:
        self.seen_at: float | None = None

    def look(self) -> None:
        """Notice a forwarded request: log the first one, and once an hour store it for the other processes."""
        if not any(name in request.environ for name in HEADERS):
            return
        now = time.monotonic()
        if self.seen_at is None:
            log.warning(WARNING)
        if self.seen_at is None or now - self.seen_at > REMEMBERED_EVERY:
            self.seen_at = now
            _remember()


def has_undeclared() -> bool:
    """Whether requests came through an undeclared proxy, to this process since its start or to another within a day."""
    watch: Watch | None = current_app.extensions.get("undeclared_proxy")
    return watch is not None and (watch.seen_at is not None or _is_remembered())


def _remember() -> None:
    try:
        client().set(KEY, "1", ex=KEPT_SECONDS)
    except (RedisError, OSError):
        log.info("an undeclared proxy is known to this process alone: Redis is away")


def _is_remembered() -> bool:
    try:
        return bool(client().exists(KEY))
    except (RedisError, OSError):
        return False


def init_app(app: Flask) -> None:
    """Watch for an undeclared proxy, in production only."""
    settings = app.config["SETTINGS"]
    if settings.production and not settings.trusted_proxies:
        watch = app.extensions["undeclared_proxy"] = Watch()
        app.before_request(watch.look)
