"""Entries, lots, posting, holds and expiry."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.ledger import api, cli

    app.register_blueprint(api.bp)
    app.cli.add_command(cli.ledger)
