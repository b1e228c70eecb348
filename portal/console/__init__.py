"""Console pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes."""
    from portal.console import audit, dispatches, home, imports, member_acts, members, members_export, programme

    app.register_blueprint(home.bp)
    app.register_blueprint(audit.bp)
    for part in (dispatches, members, member_acts, members_export, imports, programme):
        app.register_blueprint(part.bp)
