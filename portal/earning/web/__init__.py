"""The API and console of earning rules."""

from flask import Flask

from portal.earning.occasions import SOURCES, explain_entry
from portal.earning.web.console import PREVIEW, Previewer
from portal.ledger import add_checks
from portal.ledger.web import explain
from portal.platform.settings import listen

__all__ = [
    "preview_by",
]


def preview_by(app: Flask, previewer: Previewer) -> None:
    """Have this function judge past orders by the draft of a rule; this domain knows of no orders."""
    listen(app, PREVIEW, previewer)


def init_app(app: Flask) -> None:
    """Attach the domain's routes and checks, and explain what occasions have brought."""
    from portal.earning.verify import CHECKS
    from portal.earning.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
    add_checks(CHECKS)
    for source in SOURCES:
        explain(app, source, explain_entry)
