"""Campaigns: how each signal is turned into cards and messages, one active campaign for a signal."""

from dataclasses import replace
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.nudges.models import NudgeCampaign
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.problems import InvalidInput

FIELDS = ("signal", "ttl_hours", "frequency_cap_hours", "priority", "channels")


def put_campaign(session: Session, slug: str, fields: dict[str, Any], act: Act) -> tuple[NudgeCampaign, bool]:
    """Create or change a campaign; fields left out keep their value, a new campaign is active by default.

    Existing nudges keep their expiry; priority, channels and cap apply at once. A signal without an active campaign
    makes no nudges, and its existing ones end. An active campaign replaces the signal's active one.

    :raises InvalidInput: if a field of a new campaign is missing.
    """
    campaign = session.scalar(select(NudgeCampaign).where(NudgeCampaign.slug == slug).with_for_update())
    created, before = campaign is None, None if campaign is None else describe(campaign)
    if campaign is None:
        missing = [(to_camel(name), "is required") for name in FIELDS if name not in fields]
        if missing:
            raise InvalidInput(*missing)
        campaign = NudgeCampaign(id=ids.new_id(), slug=slug, active=True, created_at=act.now)
    with session.no_autoflush:
        for name, value in fields.items():
            setattr(campaign, name, value)
        campaign.updated_at = act.now
        if campaign.active:
            _retire_others(session, campaign, act)
    session.add(campaign)
    session.flush()
    _record(session, act, campaign, before)
    return campaign, created


def describe(campaign: NudgeCampaign) -> Document:
    """The campaign as the audit log keeps it."""
    return {name: getattr(campaign, name) for name in ("slug", *FIELDS, "active")}


def _retire_others(session: Session, campaign: NudgeCampaign, act: Act) -> None:
    """Deactivate the campaign that the signal had so far."""
    others = NudgeCampaign.active & (NudgeCampaign.signal == campaign.signal) & (NudgeCampaign.slug != campaign.slug)
    for other in session.scalars(select(NudgeCampaign).where(others).with_for_update()):
        before = describe(other)
        closed = {"active": False, "updated_at": campaign.updated_at}
        session.execute(update(NudgeCampaign).where(NudgeCampaign.id == other.id).values(closed))
        _record(session, replace(act, reason=act.reason or f"{campaign.slug} took the signal over"), other, before)


def _record(session: Session, act: Act, campaign: NudgeCampaign, before: Document | None) -> None:
    audit.record(
        session,
        act,
        action="nudge_campaign.put",
        object_type="nudge_campaign",
        object_id=campaign.slug,
        before=before,
        after=describe(campaign),
    )
