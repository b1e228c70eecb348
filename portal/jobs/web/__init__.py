"""Schedules and workers, with their console, API and commands."""

from flask import Flask

from portal.jobs.web import schedules
from portal.jobs.web.schedules import get_schedules
from portal.platform.retention import keep

__all__ = ["get_schedules"]


def init_app(app: Flask) -> None:
    """Attach the domain's routes, commands and metrics."""
    from portal.jobs.web import acts, api, cli, metrics
    from portal.platform.observability import add_source

    schedules.init_app(app)
    keep(app, "job_runs", "status IN ('succeeded', 'failed') AND started_at < :before", days=90)
    add_source(app, metrics.collect)
    for part in (api, acts):
        app.register_blueprint(part.bp)
    for command in (cli.run_worker, cli.run_scheduler, cli.jobs):
        app.cli.add_command(command)
