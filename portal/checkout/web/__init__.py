"""The API of checkout intents."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.checkout.web import api

    app.register_blueprint(api.bp)
