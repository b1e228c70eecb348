"""Messages: templates, preferences, channels and delivery."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's pages and consumers, and check the providers' settings."""
    from portal.notifications import (  # noqa: F401 - two register themselves
        cli,
        console,
        console_suppressions,
        consumers,
        metrics,
        pages,
        transports,
    )

    transports.check(app.config["SETTINGS"])
    for blueprint in (pages.bp, console.bp, console_suppressions.bp):
        app.register_blueprint(blueprint)
    app.cli.add_command(cli.vapid)
