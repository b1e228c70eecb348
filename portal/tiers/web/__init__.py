"""The API and console of tiers."""

from flask import Flask

from portal.tiers.web.schemas import Benefit
from portal.tiers.web.tables import find_tier, list_tier_choices

__all__ = [
    "Benefit",
    "find_tier",
    "list_tier_choices",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and the worker's part."""
    from portal.platform import outbox
    from portal.tiers.qualification import CHANGED_TOPIC
    from portal.tiers.requalify import requalify
    from portal.tiers.web import api, console

    for part in (api, console):
        app.register_blueprint(part.bp)
    outbox.consume(app, CHANGED_TOPIC, requalify, urgent=True)
