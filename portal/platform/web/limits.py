"""Rate limits: Redis for writes and sign-in (in memory while Redis is away), process memory for reads."""

import ipaddress
import logging
import threading
import time
from typing import cast

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse_many
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from portal.platform.problems import RateLimited

log = logging.getLogger(__name__)
RETRY_REDIS_AFTER = 15.0
MAX_COUNTED = 100_000


class LocalWindows:
    """Fixed windows counted in this process: no round trip, and none of the timer threads of the library's store."""

    def __init__(self, items: list[RateLimitItem]) -> None:
        self._items = items
        self._counts: dict[tuple[int, str, int], int] = {}
        self._lock = threading.Lock()

    def hit(self, who: str) -> None:
        """Count one request.

        :raises RateLimited: if a window is full.
        """
        now = time.time()
        with self._lock:
            if len(self._counts) > MAX_COUNTED:
                self._counts.clear()
            for number, item in enumerate(self._items):
                length = item.get_expiry()
                key = (number, who, int(now // length))
                self._counts[key] = count = self._counts.get(key, 0) + 1
                if count > item.amount:
                    raise RateLimited(max(1, round((key[2] + 1) * length - now)))


class Limits:
    """The three budgets (reads, writes, sign-in) and the stores that count them."""

    def __init__(self, redis_url: str, reads: str, writes: str, sign_in: str) -> None:
        url = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
        self._redis = FixedWindowRateLimiter(
            storage_from_string(url, socket_timeout=0.5, socket_connect_timeout=0.5, wrap_exceptions=False)
        )
        self._redis_back_at = 0.0
        self._items = {"write": parse_many(writes), "sign_in": parse_many(sign_in)}
        self._local = {
            "read": LocalWindows(parse_many(reads)),
            **{budget: LocalWindows(items) for budget, items in self._items.items()},
        }

    def hit(self, budget: str, who: str) -> None:
        """Count one request of `who` against a budget: writes in Redis, in memory while Redis is away; reads in memory.

        :raises RateLimited: if the budget is used up.
        """
        if budget == "read" or time.monotonic() < self._redis_back_at:
            self._local[budget].hit(who)
            return
        try:
            for item in self._items[budget]:
                if not self._redis.hit(item, budget, who):
                    reset_at = self._redis.get_window_stats(item, budget, who).reset_time
                    raise RateLimited(max(1, round(reset_at - time.time())))
        except (RedisError, OSError):
            log.warning("limits counted in memory: Redis is away")
            self._redis_back_at = time.monotonic() + RETRY_REDIS_AFTER
            self._local[budget].hit(who)


def check() -> None:
    """Count the current request against its principal's budget for reads or writes."""
    limits = cast("Limits", current_app.extensions["limits"])
    who = g.get("principal_key") or f"address:{caller_address()}"
    limits.hit("read" if request.method in ("GET", "HEAD", "OPTIONS") else "write", who)


def check_sign_in() -> None:
    """Count an attempt to register or to reset a password, by the caller's address."""
    cast("Limits", current_app.extensions["limits"]).hit("sign_in", f"address:{caller_address()}")


MAX_ADDRESS_LENGTH = 64


def caller_address() -> str:
    """The address that attempts are counted by; for IPv6 the /64 network, because one customer has all of it."""
    address = request.remote_addr or ""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:MAX_ADDRESS_LENGTH]
    if found.version == 4 or found.ipv4_mapped:
        return str(found)
    return str(ipaddress.ip_network((int(found), 64), strict=False))


def init_app(app: Flask) -> None:
    """Create the budgets from the settings."""
    settings = app.config["SETTINGS"]
    app.extensions["limits"] = Limits(
        settings.redis_url, settings.rate_limit_reads, settings.rate_limit_writes, settings.rate_limit_sign_in
    )
