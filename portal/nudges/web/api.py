"""Nudge endpoints."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, current_user_id, guarded, proves_token
from portal.nudges import campaigns, feed, models, reads
from portal.nudges.rules import NudgeRules
from portal.nudges.web import schemas
from portal.platform import clock
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.web.inputs import valid_slug
from portal.platform.web.responses import json

bp = APIBlueprint("nudges_api", __name__, url_prefix="/api/v1/loyalty", tag="Nudges")
POLL_AFTER_SECONDS = 45


def serialize_campaign(campaign: models.NudgeCampaign) -> Document:
    """A campaign as the API shows it."""
    return {
        "slug": campaign.slug,
        "signal": campaign.signal,
        "ttlHours": campaign.ttl_hours,
        "frequencyCapHours": campaign.frequency_cap_hours,
        "priority": campaign.priority,
        "channels": campaign.channels,
        "active": campaign.active,
    }


@bp.get("/nudges")
@guarded(Access.MEMBER)
@proves_token
@bp.output(schemas.NudgeFeed)
def list_nudges() -> Response:
    """List the member's nudges, brought up to date."""
    user_id, now, rules = current_user_id(), clock.now(), NudgeRules.current()
    nudges = reads.list_nudges(user_id, now, rules)
    if nudges is None:
        nudges = feed.refresh_and_list_nudges(db.session(), user_id, now, rules)
    return json({"nudges": nudges, "pollAfterSeconds": POLL_AFTER_SECONDS})


@bp.post("/nudges/<ulid:nudge_id>/status")
@guarded(Access.MEMBER)
@bp.input(schemas.NudgeAnswer, location="json", arg_name="body")
@bp.output(schemas.Nudge)
def update_nudge_status(nudge_id: UUID, body: schemas.NudgeAnswer) -> Response:
    """Acknowledge or dismiss a nudge."""
    return json(feed.update_nudge_status(db.session(), current_user_id(), nudge_id, body.status, clock.now()))


@bp.get("/nudge-dispatches")
@guarded(Access.ADMIN)
@bp.input(schemas.NudgeDispatchQuery, location="query", arg_name="query")
@bp.output(schemas.NudgeDispatchPage)
def list_dispatches(query: schemas.NudgeDispatchQuery) -> Response:
    """List what was sent, put off and not sent, newest first."""
    return json(
        reads.list_dispatches(user_id=query.user_id, statuses=query.statuses, limit=query.limit, cursor=query.cursor)
    )


@bp.put("/nudge-campaigns/<slug>")
@guarded(Access.ADMIN)
@bp.input(schemas.NudgeCampaignInput, location="json", arg_name="body")
@bp.output(schemas.NudgeCampaign)
def put_campaign(slug: str, body: schemas.NudgeCampaignInput) -> Response:
    """Create or change a campaign."""
    campaign, created = campaigns.put_campaign(db.session(), valid_slug(slug), body.changes(), acting())
    return json(serialize_campaign(campaign), 201 if created else 200)
