"""Pages of the programme."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.programme.web import console

    app.register_blueprint(console.bp)
