"""Users, sign-in, API tokens, preferences, and the guards of every route."""

from flask import Flask

from portal.accounts.web.browser import safe_next
from portal.accounts.web.guards import Access, guarded, in_parts, proves_token
from portal.accounts.web.schemas import Email, Phone

__all__ = [
    "Access",
    "Email",
    "Phone",
    "guarded",
    "in_parts",
    "proves_token",
    "safe_next",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.accounts.web import api, cli, console, pages, password_pages, register_pages, system  # noqa: F401 - pages add routes
    from portal.accounts.web import pages as blueprint
    from portal.platform import openapi

    for bp in (system.bp, api.bp, blueprint.bp, console.bp):
        app.register_blueprint(bp)
    openapi.amend_with(system.name_the_user)
    app.cli.add_command(cli.users)
    app.cli.add_command(cli.tokens)
