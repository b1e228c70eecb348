"""The API, console and job of campaigns and nudges."""

from flask import Flask

from portal.nudges.web.labels import REASONS

__all__ = ["REASONS"]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and the worker's part."""
    from portal.nudges.web import api, console, dispatches, test_message
    from portal.platform import outbox

    for part in (api, console, dispatches):
        app.register_blueprint(part.bp)
    outbox.consume(app, test_message.TEST_TOPIC, test_message.send_test)
