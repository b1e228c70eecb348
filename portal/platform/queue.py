"""Redis and RQ: queues declared once. They only wake workers; PostgreSQL is the source of truth."""

import logging
import threading
import time
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue

log = logging.getLogger(__name__)
LEAVE_ALONE_SECONDS = 5.0


class QueueName(StrEnum):
    """Every queue of the platform, most urgent first."""

    CRITICAL = "critical"
    MESSAGES = "messages"
    SWEEPS = "sweeps"


class Breaker:
    """Circuit breaker: after a failure of Redis, only one caller every few seconds waits for it again."""

    def __init__(self) -> None:
        self._again_at = 0.0
        self._lock = threading.Lock()

    def may_try(self) -> bool:
        """Whether to call Redis now; while it is down, True for one caller every few seconds."""
        if not self._again_at:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._again_at:
                return False
            self._again_at = now + LEAVE_ALONE_SECONDS
            return True

    def failed(self) -> None:
        """Record a failure: do not call Redis for the next few seconds."""
        self._again_at = time.monotonic() + LEAVE_ALONE_SECONDS

    def succeeded(self) -> None:
        """Record a success: every caller may call Redis again."""
        self._again_at = 0.0


def connect(url: str, *, patient: bool = False, seconds: float | None = None) -> Redis:
    """A Redis client: for the web it times out after 0.5 s; `patient`, for workers, blocks on reads for `seconds`."""
    if patient:
        return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))
    return Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))


def init_app(app: Flask) -> None:
    """Attach the web's client and its circuit breaker."""
    app.extensions["redis"] = connect(app.config["SETTINGS"].redis_url)
    app.extensions["redis_breaker"] = Breaker()


def client() -> Redis:
    """The current app's Redis client."""
    return cast("Redis", current_app.extensions["redis"])


def queue(name: QueueName) -> Queue:
    """One of the declared queues."""
    return Queue(name.value, connection=client())


def enqueue(name: QueueName, function: str, *arguments: Any, job_id: str | None = None, timeout: int = 60) -> bool:
    """Enqueue a call of `function` (dotted path) with plain arguments; False if Redis is down.

    After a failure Redis is not called for a few seconds, so that callers do not wait for it again and again.
    """
    breaker = cast("Breaker", current_app.extensions["redis_breaker"])
    if not breaker.may_try():
        return False
    try:
        queue(name).enqueue(
            function, *arguments, job_id=job_id, job_timeout=timeout, result_ttl=0, failure_ttl=7 * 86_400
        )
    except (RedisError, OSError) as error:
        breaker.failed()
        log.warning("enqueue failed", extra={"queue": name.value, "function": function, "error": type(error).__name__})
        return False
    breaker.succeeded()
    return True


def is_waiting(name: QueueName) -> bool:
    """Whether something waits in a queue; False if Redis is down."""
    try:
        return not queue(name).is_empty()
    except (RedisError, OSError):
        return False


def enqueue_ids(name: QueueName, function: str, ids: list[UUID]) -> bool:
    """Enqueue a call of `function` for a batch of ids; False if Redis is down."""
    return enqueue(name, function, [str(i) for i in ids])
