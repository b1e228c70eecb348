"""What is deleted when it is old: each domain says that of its own tables, and a job does it every night."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from flask import Flask, current_app


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of a table are kept. `old` is a condition on them in which `:before` is that long ago."""

    table: str
    old: str
    kept: timedelta


def keep(app: Flask, table: str, old: str, *, days: int) -> None:
    """Declare that rows of `table` which are `old` (see `Retention`) after so many days may go."""
    app.extensions["retention"].append(Retention(table, old, timedelta(days=days)))


def list_retentions() -> list[Retention]:
    """What has been declared, in that order."""
    return cast("list[Retention]", current_app.extensions["retention"])


def init_app(app: Flask) -> None:
    """Declare it of the platform's own tables. Keys of the outbox stay unique for as long as its rows are kept."""
    app.extensions["retention"] = []
    keep(app, "idempotency_keys", "created_at < :before", days=2)
    keep(app, "outbox", "status = 'done' AND finished_at < :before", days=180)
