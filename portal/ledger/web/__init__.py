"""The ledger's API and commands."""

from flask import Flask

from portal.ledger.web.schemas import LedgerEntry
from portal.platform.retention import keep

__all__ = [
    "LedgerEntry",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.ledger.web import api, cli

    app.register_blueprint(api.bp)
    app.cli.add_command(cli.ledger)
    keep(app, "ledger_checks", "checked_at < :before", days=90)
