"""The API and console of earning rules."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.earning.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
