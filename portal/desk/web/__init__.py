"""Pages of the members' desk."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.desk.web import acts, console, export, owing, taking_back

    for part in (console, acts, taking_back, export, owing):
        app.register_blueprint(part.bp)
