"""The API and console of earning rules."""

from flask import Flask

from portal.ledger import add_checks


def init_app(app: Flask) -> None:
    """Attach the domain's routes and checks."""
    from portal.earning.verify import CHECKS
    from portal.earning.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
    add_checks(CHECKS)
