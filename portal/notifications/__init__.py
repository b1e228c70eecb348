"""Messages: templates, preferences, channels and delivery."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's pages and consumers, and check the providers' settings."""
    from portal.notifications import cli, consumers, metrics, pages, transports  # noqa: F401 - two register themselves

    transports.check(app.config["SETTINGS"])
    app.register_blueprint(pages.bp)
    app.cli.add_command(cli.vapid)
