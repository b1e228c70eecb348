"""Member pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.hub.web import api, cli, pages, rail, timeline

    for part in (api, timeline, pages, rail):
        app.register_blueprint(part.bp)
    app.jinja_env.globals["for_you_rail"] = rail.render_rail
    app.cli.add_command(cli.demo)
