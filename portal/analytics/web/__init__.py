"""The API, console and job of the nights' figures."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.analytics.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
