"""Sign-in, registration, staff's access, tokens, and the guards of every route."""

from flask import Flask
from flask_login import LoginManager

from portal.accounts.registration import ABANDONED
from portal.accounts.web import guards
from portal.accounts.web.browser import safe_next
from portal.accounts.web.caller import TokenProof, acting, current, current_user_id, load_session
from portal.accounts.web.guards import Access, guarded, in_parts, proves_token
from portal.accounts.web.schemas import Email, Phone
from portal.accounts.web.tables import people_filter
from portal.platform import openapi
from portal.platform.db.hot import prove_by
from portal.platform.retention import keep

__all__ = [
    "Access",
    "Email",
    "Phone",
    "acting",
    "current",
    "current_user_id",
    "guarded",
    "in_parts",
    "people_filter",
    "proves_token",
    "safe_next",
]


def init_app(app: Flask) -> None:
    """Attach guards, routes and commands."""
    from portal.accounts.web import api, cli, console, pages, password_pages, register_pages, system  # noqa: F401 - they add to the blueprint of `pages`

    for part in (system, api, pages, console):
        app.register_blueprint(part.bp)
    _attach_sign_in(app)
    openapi.amend_with(app, system.name_the_user)
    app.cli.add_command(cli.users)
    app.cli.add_command(cli.tokens)
    _declare_retention(app)


def _declare_retention(app: Flask) -> None:
    keep(app, "login_failures", "at < :before", days=30)
    keep(app, "known_devices", "last_used_at < :before", days=400)
    keep(app, "account_notices", "at < :before", days=30)
    keep(app, "registrations", "created_at < :before", days=30)
    keep(app, "auth_sessions", "expires_at < :before", days=30)
    keep(app, "users", ABANDONED, days=app.config["SETTINGS"].unverified_account_days)


def _attach_sign_in(app: Flask) -> None:
    """Attach the guards before every request, and the loader of the user of a session's cookie."""
    login_manager = LoginManager()
    login_manager.session_protection = None
    login_manager.user_loader(load_session)
    login_manager.init_app(app)
    guards.init_app(app)
    prove_by(app, TokenProof())
