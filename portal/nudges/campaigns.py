"""Campaigns: how each signal is turned into cards and messages, one active campaign for a signal."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit, clock, ids
from portal.core.problems import Conflict, InvalidInput
from portal.nudges.models import NudgeCampaign

FIELDS = ("signal", "ttl_hours", "frequency_cap_hours", "priority", "channels")


class SignalTaken(Conflict):
    """Another active campaign serves the signal; it has to be made inactive first."""

    code = "nudge_signal_taken"
    title = "Another active campaign serves this signal"


def list_campaigns(session: Session) -> list[NudgeCampaign]:
    """All campaigns: active ones first, then by priority."""
    order = NudgeCampaign.active.desc(), NudgeCampaign.priority.desc(), NudgeCampaign.slug
    return list(session.scalars(select(NudgeCampaign).order_by(*order)))


def put_campaign(
    session: Session, slug: str, fields: dict[str, Any], actor: str, reason: str = ""
) -> tuple[NudgeCampaign, bool]:  # fmt: skip
    """Create or change a campaign; fields left out keep their value, a new one is active.

    Nudges that are shown keep their time; priority, channels and cap hold at once. Without an active campaign a signal
    makes no nudges, and those it has made end.

    :raises InvalidInput: a field of a new campaign is missing.
    :raises SignalTaken: another active campaign serves the signal.
    """
    campaign = session.scalar(select(NudgeCampaign).where(NudgeCampaign.slug == slug).with_for_update())
    created, before, now = campaign is None, None if campaign is None else describe(campaign), clock.now()
    if campaign is None:
        missing = [(name, "Field required") for name in FIELDS if name not in fields]
        if missing:
            raise InvalidInput(*missing)
        campaign = NudgeCampaign(id=ids.new_id(), slug=slug, active=True, created_at=now)
    with session.no_autoflush:
        for name, value in fields.items():
            setattr(campaign, name, value)
        campaign.updated_at = now
        if campaign.active:
            _must_be_free(session, campaign)
    session.add(campaign)
    session.flush()
    audit.record(
        session, actor=actor, action="nudge_campaign.put", object_type="nudge_campaign", object_id=slug, reason=reason,
        before=before, after=describe(campaign),
    )  # fmt: skip
    return campaign, created


def describe(campaign: NudgeCampaign) -> dict[str, Any]:
    """The campaign as the audit log keeps it."""
    return {name: getattr(campaign, name) for name in ("slug", *FIELDS, "active")}


def _must_be_free(session: Session, campaign: NudgeCampaign) -> None:
    mine = NudgeCampaign.active & (NudgeCampaign.signal == campaign.signal) & (NudgeCampaign.slug != campaign.slug)
    other = session.scalar(select(NudgeCampaign.slug).where(mine))
    if other is not None:
        raise SignalTaken(f"Make {other} inactive first.", extra={"campaign": other})
