"""The schedules of the running application, read once: a start fails where they make no sense."""

from flask import Flask, current_app

from portal.jobs.schedules import Schedule, load_schedules


def get_schedules() -> dict[str, Schedule]:
    """All schedules of this application, by job id."""
    schedules: dict[str, Schedule] = current_app.extensions["schedules"]
    return schedules


def init_app(app: Flask) -> None:
    """Read the schedules once, so that a start fails where they make no sense."""
    app.extensions["schedules"] = load_schedules(app.config["SETTINGS"])
