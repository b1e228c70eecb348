"""The scheduler's health."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, guarded
from portal.jobs.health import get_health
from portal.jobs.web.schedules import get_schedules
from portal.jobs.web.schemas import SchedulerHealth
from portal.platform import clock
from portal.platform.queue import client
from portal.platform.settings import current_settings
from portal.platform.web.responses import json

bp = APIBlueprint("scheduling_api", __name__, url_prefix="/api/v1/scheduler", tag="Operations")


@bp.get("/health")
@guarded(Access.ADMIN)
@bp.output(SchedulerHealth)
def show_health() -> Response:
    """Show jobs, queues, workers and the outbox."""
    zone = current_settings().programme_timezone
    return json(get_health(get_schedules().values(), client(), clock.now(), zone))
