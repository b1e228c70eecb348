"""The API of orders."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.orders.web import api

    app.register_blueprint(api.bp)
