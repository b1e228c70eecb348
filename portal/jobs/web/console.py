"""The console of operations: health, runs, and what has failed."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import text

from portal.accounts.web import Access, guarded
from portal.jobs import queues
from portal.jobs.health import get_health
from portal.jobs.web.schedules import get_schedules
from portal.jobs.web.tables import BACKLOG, CHECKS, GIVEN_UP, RUNS
from portal.ledger import list_last_checks
from portal.platform import clock
from portal.platform.console.acts import show, show_table
from portal.platform.db.reads import read_all, read_one
from portal.platform.problems import NotFound
from portal.platform.queue import client
from portal.platform.settings import current_settings

bp = Blueprint("operations_console", __name__, url_prefix="/admin/operations")

SLOT = "%Y%m%dT%H%M%S%f"
_RUN = text("SELECT * FROM job_runs WHERE job_id = :job_id AND slot = :slot")
_PARTS = text("""
    SELECT step, shard, shards, status, lease_until, metrics FROM job_parts
    WHERE job_id = :job_id AND slot = :slot ORDER BY place, shard
""")


@bp.get("")
@guarded(Access.CONSOLE)
def overview() -> Response:
    """Schedules, queues, workers, the outbox and the last verification, at a glance."""
    zone = current_settings().programme_timezone
    health = get_health(get_schedules().values(), client(), clock.now(), zone)
    away = any(queue["depth"] is None for queue in health["queues"])
    workers = [] if away else queues.list_workers(client())
    checks = list_last_checks()
    return show("console/operations/overview.html", health=health, away=away, workers=workers, checks=checks)


@bp.get("/runs")
@guarded(Access.CONSOLE)
def list_runs() -> Response:
    """All stored runs, newest first."""
    return show_table(RUNS, "console/operations/runs.html")


@bp.get("/runs/<job_id>/<slot>")
@guarded(Access.CONSOLE)
def show_run(job_id: str, slot: str) -> Response:
    """One run: how it went, part by part."""
    key = {"job_id": job_id, "slot": parse_slot(slot)}
    run = read_one(_RUN, key)
    if run is None:
        raise NotFound
    return show("console/operations/run.html", run=run, slot=slot, parts=read_all(_PARTS, key))


@bp.get("/failed")
@guarded(Access.CONSOLE)
def failed() -> Response:
    """What was given up: outbox work, and queue jobs that ended with an error."""
    return show_table(GIVEN_UP, "console/operations/failed.html", failed_jobs=queues.list_failed_jobs(client()))


@bp.get("/outbox")
@guarded(Access.CONSOLE)
def backlog() -> Response:
    """Outbox work that waits for a worker or for its next attempt."""
    return show_table(BACKLOG, "console/operations/backlog.html")


@bp.get("/ledger")
@guarded(Access.CONSOLE)
def ledger() -> Response:
    """What the latest verification of the ledger found."""
    return show("console/operations/ledger.html", checks=list_last_checks(), words=CHECKS)


def parse_slot(slot: str) -> datetime:
    """Parse the slot in a run's URL.

    :raises NotFound: if it is not a slot.
    """
    try:
        return datetime.strptime(slot, SLOT).replace(tzinfo=UTC)
    except ValueError as error:
        raise NotFound from error
