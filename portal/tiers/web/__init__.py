"""Thresholds, qualification and upgrades."""

from flask import Flask

from portal.tiers.web.schemas import Benefit
from portal.tiers.web.tables import find_tier, list_tier_choices

__all__ = [
    "Benefit",
    "find_tier",
    "list_tier_choices",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.tiers import requalify  # noqa: F401 - consumes changes of tiers
    from portal.tiers.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
