"""The API and console of earning rules, and what joining brings."""

from flask import Flask
from sqlalchemy.orm import Session

from portal.accounts import JOINED, User
from portal.earning.occasions.granting import SOURCES, explain_entry, give_room_back
from portal.earning.occasions.joining import welcome
from portal.earning.web.console import PREVIEW, Previewer
from portal.ledger import EarningRules, add_checks
from portal.ledger.web import explain, follow
from portal.platform import clock
from portal.platform.settings import current_settings, listen

__all__ = [
    "preview_by",
]


def preview_by(app: Flask, previewer: Previewer) -> None:
    """Have this function judge past orders by the draft of a rule; this domain knows of no orders."""
    listen(app, PREVIEW, previewer)


def welcome_user(session: Session, user: User) -> None:
    """Grant a user what joining brings; staff are no customers."""
    if user.role == "member":
        welcome(session, user.id, clock.now(), EarningRules.of(current_settings()))


def init_app(app: Flask) -> None:
    """Attach the domain's routes and checks, explain and undo what occasions bring, and welcome those who join."""
    from portal.earning.verify import CHECKS
    from portal.earning.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
    add_checks(CHECKS)
    for source in SOURCES:
        explain(app, source, explain_entry)
        follow(app, source, give_room_back)
    listen(app, JOINED, welcome_user)
