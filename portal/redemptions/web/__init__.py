"""The API and console of redemptions."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.redemptions.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
