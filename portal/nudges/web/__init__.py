"""Campaigns, candidates, governor and dispatch."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.nudges.web import api, console, test_message  # noqa: F401 - trials register their consumer

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
