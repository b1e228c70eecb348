"""What the demo shop has reminded its people of: cards on their pages, and messages for operators to read."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from portal.nudges import aggregate_nudge_candidates, dispatch_batch
from portal.platform import clock
from portal.platform.db import unit_of_work

PROVIDERS = ("email_url", "sms_url", "vapid_private_key")


def remind() -> None:
    """Make the nudges that are due and send those that may leave, all of them to the preview inbox."""
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())
    with _without_providers():
        while dispatch_batch() is not None:
            continue


@contextmanager
def _without_providers() -> Iterator[None]:
    """Nobody writes to the people of a story, whatever providers are set."""
    settings = current_app.config["SETTINGS"]
    current_app.config["SETTINGS"] = settings.model_copy(update=dict.fromkeys(PROVIDERS, ""))
    try:
        yield
    finally:
        current_app.config["SETTINGS"] = settings
