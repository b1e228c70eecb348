"""Messages: templates, preferences, channels and delivery."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the domain's pages and consumers, and check the providers' settings."""
    from portal.core import outbox
    from portal.notifications import (  # noqa: F401 - two register themselves
        cli,
        console,
        console_suppressions,
        consumers,
        metrics,
        pages,
        transports,
    )
    from portal.notifications.channels.line import kept_lines

    transports.check(app.config["SETTINGS"])
    if kept_lines not in outbox.keepers:
        outbox.keepers.append(kept_lines)
    for blueprint in (pages.bp, console.bp, console_suppressions.bp):
        app.register_blueprint(blueprint)
    app.cli.add_command(cli.vapid)
