"""The preferences page, the console of messages, and the outbox consumers that send them."""

from flask import Flask

from portal.accounts import NOTICE_TOPIC, REGISTRATION_TOPIC, RESET_TOPIC
from portal.notifications.web.labels import REASONS, STATUSES, explained
from portal.platform.retention import keep
from portal.tiers import UPGRADE_TOPIC

__all__ = [
    "REASONS",
    "STATUSES",
    "explained",
]


def init_app(app: Flask) -> None:
    """Attach the domain's pages and the worker's part, and check the providers' settings."""
    from portal.notifications import totals, transports
    from portal.notifications.channels.smtp_connection import keep_connections
    from portal.notifications.web import cli, console, consumers, pages, suppressions
    from portal.platform import outbox
    from portal.platform.observability import add_source

    transports.check(app.config["SETTINGS"])
    for part in (pages, console, suppressions):
        app.register_blueprint(part.bp)
    app.cli.add_command(cli.vapid)
    keep(app, "messages", "created_at < :before AND status NOT IN ('claimed', 'uncertain')", days=180)
    add_source(app, totals.collect)
    outbox.keep_open(app, keep_connections)
    outbox.consume(app, UPGRADE_TOPIC, consumers.announce_tier)
    outbox.consume(app, RESET_TOPIC, consumers.send_password_reset)
    outbox.consume(app, REGISTRATION_TOPIC, consumers.send_verification)
    outbox.consume(app, NOTICE_TOPIC, consumers.send_account_notice)
