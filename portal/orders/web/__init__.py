"""The API and console of orders, and what they do when others do something."""

from flask import Flask

from portal.accounts import ADDRESSES_VERIFIED
from portal.earning.web import preview_by
from portal.ledger import add_checks
from portal.ledger.web import explain
from portal.members import REACTIVATED
from portal.orders.commands.claims import CLAIM_TOPIC
from portal.orders.commands.operating import REACTIVATION_TOPIC
from portal.orders.explaining import explain_entry
from portal.orders.judging.preview import preview_rule
from portal.orders.judging.snapshot import SOURCE
from portal.orders.web.tables import MEMBER_ORDERS
from portal.platform import outbox
from portal.platform.settings import listen

__all__ = ["MEMBER_ORDERS"]


def init_app(app: Flask) -> None:
    """Attach the domain's routes, checks, explanations and listeners, and the worker's part."""
    from portal.orders.verify import CHECKS
    from portal.orders.web import api, console, listeners, refunds_console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
    app.register_blueprint(refunds_console.bp)
    explain(app, SOURCE, explain_entry)
    add_checks(CHECKS)
    preview_by(app, preview_rule)
    listen(app, ADDRESSES_VERIFIED, listeners.claim_for)
    outbox.consume(app, CLAIM_TOPIC, listeners.claim_of_user)
    listen(app, REACTIVATED, listeners.ask_to_look_again)
    outbox.consume(app, REACTIVATION_TOPIC, listeners.look_again, urgent=True)
