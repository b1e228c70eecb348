"""Segments, velocity and snapshots."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.analytics import api

    app.register_blueprint(api.bp)
