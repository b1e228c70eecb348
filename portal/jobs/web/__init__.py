"""Schedules, ticks, workers and health."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes, commands and metrics."""
    from portal.jobs import schedules
    from portal.jobs.web import acts, api, cli, console, metrics  # noqa: F401 - two register themselves

    schedules.init_app(app)
    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
    for command in (cli.run_worker, cli.run_scheduler, cli.jobs):
        app.cli.add_command(command)
