"""The console of imports, and the worker's part of applying one."""

from flask import Flask

from portal.platform.retention import keep


def init_app(app: Flask) -> None:
    """Attach the domain's routes and the worker's part."""
    from portal.imports import apply
    from portal.imports.web import console
    from portal.platform import outbox

    app.register_blueprint(console.bp)
    outbox.consume(app, apply.TOPIC, apply.apply_import)
    keep(app, "member_imports", "created_at < :before AND status <> 'applying'", days=30)
