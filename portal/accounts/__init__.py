"""Users, sign-in, API tokens, preferences, and the guards of every route."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.accounts import (  # noqa: F401 - pages add routes
        api,
        blueprint,
        cli,
        console,
        machinery,
        pages,
        password_pages,
        register_pages,
    )
    from portal.core import openapi

    for bp in (machinery.bp, api.bp, blueprint.bp, console.bp):
        app.register_blueprint(bp)
    openapi.amend_with(machinery.name_the_user)
    app.cli.add_command(cli.users)
    app.cli.add_command(cli.tokens)
