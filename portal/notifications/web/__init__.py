"""Messages: templates, preferences, channels and delivery."""

from flask import Flask

from portal.notifications.web.words import STATUSES, explained

__all__ = [
    "STATUSES",
    "explained",
]


def init_app(app: Flask) -> None:
    """Attach the domain's pages and consumers, and check the providers' settings."""
    from portal.notifications import totals, transports  # noqa: F401 - two register themselves
    from portal.notifications.channels.line import kept_lines
    from portal.notifications.web import cli, console, consumers, pages, suppressions  # noqa: F401 - two register themselves
    from portal.platform import outbox

    transports.check(app.config["SETTINGS"])
    if kept_lines not in outbox.keepers:
        outbox.keepers.append(kept_lines)
    for blueprint in (pages.bp, console.bp, suppressions.bp):
        app.register_blueprint(blueprint)
    app.cli.add_command(cli.vapid)
