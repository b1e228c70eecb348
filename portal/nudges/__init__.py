"""Campaigns, candidates, governor and dispatch."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.nudges import api

    app.register_blueprint(api.bp)
