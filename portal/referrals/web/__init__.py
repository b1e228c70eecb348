"""Invites, attribution and conversion."""

from flask import Flask

from portal.referrals.web.schemas import SegmentFigures

__all__ = [
    "SegmentFigures",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes, and its part in a registration."""
    from portal.referrals.web import api, console, landing, messages, pages  # noqa: F401 - messages register themselves
    from portal.referrals.web.remembered import RememberedSegments

    app.extensions["referral_segments"] = RememberedSegments()
    app.register_blueprint(api.bp)
    app.register_blueprint(pages.bp)
    app.register_blueprint(console.bp)
    app.register_blueprint(landing.bp)
    landing.init_app(app)
