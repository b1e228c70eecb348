"""Member pages that join several domains."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.hub import api, cli, pages, rail_pages, timeline_api

    app.register_blueprint(api.bp)
    app.register_blueprint(timeline_api.bp)
    app.register_blueprint(pages.bp)
    app.register_blueprint(rail_pages.bp)
    app.jinja_env.globals["for_you_rail"] = rail_pages.render_rail
    app.cli.add_command(cli.demo)
