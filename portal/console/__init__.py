"""Console pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.console import audit, home, members

    app.register_blueprint(home.bp)
    app.register_blueprint(audit.bp)
    app.register_blueprint(members.bp)
