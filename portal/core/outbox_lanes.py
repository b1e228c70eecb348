"""Working off a backlog: sending waits for others most of the time, so one worker has several messages in hand."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import current_app

from portal.core.outbox import deliver

LANES = 4


def deliver_backlog() -> None:
    """Job: carry out due messages for up to 30 s, a few at a time, each under its own lease."""
    app: Any = current_app
    application = app._get_current_object()

    def lane(_: int) -> None:
        with application.app_context():
            deliver()

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))
