"""Rate limits: Redis for writes and sign-in (in memory while Redis is away), process memory for reads."""

import logging
import time
from typing import cast

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from portal.core.problems import DomainError

log = logging.getLogger(__name__)
RETRY_REDIS_AFTER = 15.0


class RateLimited(DomainError):
    """Too many requests; `Retry-After` says when to come back."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)})


class Limits:
    """The three budgets (reads, writes, sign-in) and the stores that count them."""

    def __init__(self, redis_url: str, reads: str, writes: str, sign_in: str) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        scheme = "redis+unix" if redis_url.startswith("unix://") else None
        url = redis_url.replace("unix://", f"{scheme}://", 1) if scheme else redis_url
        self._shared = FixedWindowRateLimiter(
            storage_from_string(url, socket_timeout=0.5, socket_connect_timeout=0.5, wrap_exceptions=False)
        )
        self._redis_back_at = 0.0
        self._items = {"read": parse_many(reads), "write": parse_many(writes), "sign_in": parse_many(sign_in)}

    def hit(self, budget: str, who: str) -> None:
        """Count one request of `who` against a budget.

        :raises RateLimited: the budget is used up.
        """
        for item in self._items[budget]:
            limiter = self._local if budget == "read" else self._writer()
            try:
                allowed = limiter.hit(item, budget, who)
            except (RedisError, OSError):
                log.warning("limits counted in memory: Redis is away")
                self._redis_back_at = time.monotonic() + RETRY_REDIS_AFTER
                limiter, allowed = self._local, self._local.hit(item, budget, who)
            if not allowed:
                raise RateLimited(_seconds_left(limiter, item, budget, who))

    def _writer(self) -> FixedWindowRateLimiter:
        return self._shared if time.monotonic() >= self._redis_back_at else self._local


def _seconds_left(limiter: FixedWindowRateLimiter, item: RateLimitItem, budget: str, who: str) -> int:
    reset_at = limiter.get_window_stats(item, budget, who).reset_time
    return max(1, round(reset_at - time.time()))


def check() -> None:
    """Count the current request of its principal against the budget of its kind."""
    limits = cast("Limits", current_app.extensions["limits"])
    who = g.get("principal_key") or f"address:{request.remote_addr}"
    limits.hit("read" if request.method in ("GET", "HEAD", "OPTIONS") else "write", who)


def check_sign_in() -> None:
    """Count an attempt at the address's doors: sign-in, register, reset."""
    cast("Limits", current_app.extensions["limits"]).hit("sign_in", f"address:{request.remote_addr}")


def init_app(app: Flask) -> None:
    """Make the budgets of the settings."""
    settings = app.config["SETTINGS"]
    app.extensions["limits"] = Limits(
        settings.redis_url, settings.rate_limit_reads, settings.rate_limit_writes, settings.rate_limit_sign_in
    )
