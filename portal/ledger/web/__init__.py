"""The ledger's API and commands."""

from flask import Flask

from portal.ledger.explanation import EXPLAINED, Explainer
from portal.ledger.reversing.by_hand import REVERSED, Follower
from portal.ledger.web.schemas import LedgerEntry
from portal.platform.retention import keep
from portal.platform.settings import listen

__all__ = [
    "LedgerEntry",
    "explain",
    "follow",
]


def explain(app: Flask, source: str, explainer: Explainer) -> None:
    """Have this function explain the entries of `source`; where it returns None, their type and metadata do."""
    listen(app, f"{EXPLAINED}{source}", explainer)


def follow(app: Flask, source: str, follower: Follower) -> None:
    """Have this function called when a credit of `source` is taken back by hand, in that transaction."""
    listen(app, f"{REVERSED}{source}", follower)


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.ledger.web import api, cli

    app.register_blueprint(api.bp)
    app.cli.add_command(cli.ledger)
    keep(app, "ledger_checks", "checked_at < :before", days=90)
