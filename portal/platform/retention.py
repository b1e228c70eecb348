"""Retention: each domain declares which old rows of its own tables are deleted; a nightly job deletes them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from flask import Flask, current_app


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of a table are kept. `old` is an SQL condition in which `:before` is the time `kept` ago."""

    table: str
    old: str
    kept: timedelta


def keep(app: Flask, table: str, old: str, *, days: int) -> None:
    """Declare that rows of `table` that meet the condition `old` (see `Retention`) may be deleted after `days`."""
    app.extensions["retention"].append(Retention(table, old, timedelta(days=days)))


def list_retentions() -> list[Retention]:
    """All declarations, in the order in which they were made."""
    return cast("list[Retention]", current_app.extensions["retention"])


def init_app(app: Flask) -> None:
    """Declare it for the platform's own tables. The outbox's dedupe keys stay unique while its rows are kept."""
    app.extensions["retention"] = []
    keep(app, "idempotency_keys", "created_at < :before", days=2)
    keep(app, "outbox", "status = 'done' AND finished_at < :before", days=180)
