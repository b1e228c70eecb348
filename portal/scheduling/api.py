"""The scheduler's health."""

from apiflask import APIBlueprint
from flask import Response, current_app

from portal.accounts.guards import Access, guarded
from portal.core import clock
from portal.core.queue import client
from portal.core.responses import json
from portal.scheduling.health import get_health
from portal.scheduling.schedules import get_schedules
from portal.scheduling.schemas import SchedulerHealth

bp = APIBlueprint("scheduling_api", __name__, url_prefix="/api/v1/scheduler", tag="Operations")


@bp.get("/health")
@guarded(Access.ADMIN)
@bp.output(SchedulerHealth)
def show_health() -> Response:
    """Show jobs, queues, workers and the outbox."""
    zone = current_app.config["SETTINGS"].timezone
    return json(get_health(get_schedules().values(), client(), clock.now(), zone))
