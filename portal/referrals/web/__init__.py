"""The API, pages and console of invites, and the cookies that a visit leaves."""

from flask import Flask

from portal.platform.retention import keep
from portal.referrals.converting.credits import SOURCE
from portal.referrals.invites import INVITE_TOPIC
from portal.referrals.web.schemas import Referral, SegmentFigures, TierUpgrade

__all__ = [
    "Referral",
    "SegmentFigures",
    "TierUpgrade",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes, its part in a registration and the worker's part."""
    from portal.ledger.web import explain
    from portal.platform import outbox
    from portal.referrals.web import api, console, landing, messages, pages, sentences
    from portal.referrals.web.segment_cache import SegmentCache

    app.extensions["referral_segments"] = SegmentCache()
    for part in (api, pages, console, landing):
        app.register_blueprint(part.bp)
    landing.init_app(app)
    explain(app, SOURCE, sentences.explain_entry)
    outbox.consume(app, INVITE_TOPIC, messages.send_invite)
    keep(app, "loyalty_invite_recipients", "sent_at < :before", days=366)
