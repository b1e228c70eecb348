"""The API of earning rules."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.earning.web import api

    app.register_blueprint(api.bp)
