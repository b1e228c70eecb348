"""Users, sign-in, API tokens, preferences, and the guards of every route."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.accounts import api, machinery

    app.register_blueprint(api.bp)
    app.register_blueprint(machinery.bp)
