"""The schedules of the running application, read once at the start."""

from flask import Flask, current_app

from portal.jobs.schedules import Schedule, load_schedules


def get_schedules() -> dict[str, Schedule]:
    """All schedules of this application, by job id."""
    schedules: dict[str, Schedule] = current_app.extensions["schedules"]
    return schedules


def init_app(app: Flask) -> None:
    """Read the schedules once, so that the start fails if they are invalid."""
    app.extensions["schedules"] = load_schedules(app.config["SETTINGS"])
