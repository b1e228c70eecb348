"""The API of orders."""

from flask import Flask

from portal.earning.web import preview_by
from portal.ledger import add_checks
from portal.ledger.web import explain
from portal.orders.explaining import explain_entry
from portal.orders.preview import preview_rule
from portal.orders.snapshot import SOURCE


def init_app(app: Flask) -> None:
    """Attach the domain's routes, checks and explanations."""
    from portal.orders.verify import CHECKS
    from portal.orders.web import api

    app.register_blueprint(api.bp)
    explain(app, SOURCE, explain_entry)
    add_checks(CHECKS)
    preview_by(app, preview_rule)
