"""Schedules, ticks, workers and health."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.scheduling import cli, schedules

    schedules.init_app(app)
    for command in (cli.run_worker, cli.run_scheduler, cli.jobs):
        app.cli.add_command(command)
