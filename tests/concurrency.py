"""Real concurrency: the same moment, many connections."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flask import Flask

T = TypeVar("T")


def at_once(app: Flask, times: int, call: Callable[[int], T]) -> list[T]:
    """The answers of `times` calls that begin together, each in a thread and an app context of its own."""
    barrier = threading.Barrier(times)

    def one(number: int) -> T:
        barrier.wait()
        with app.app_context():
            return call(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))
