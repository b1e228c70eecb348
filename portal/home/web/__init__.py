"""Console pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.home.web import audit, console

    for part in (console, audit):
        app.register_blueprint(part.bp)
