"""Thresholds, qualification and upgrades."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.tiers import api, console, requalify  # noqa: F401 - consumes changes of tiers

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
