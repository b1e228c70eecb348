"""Console pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.desk import web as desk_web
    from portal.home.web import audit, console
    from portal.imports import web as imports_web
    from portal.nudges import web as nudges_web
    from portal.programme import web as programme_web

    app.register_blueprint(console.bp)
    app.register_blueprint(audit.bp)
    for part in (dispatches, members, acts, export, imports, programme):
        app.register_blueprint(part.bp)
