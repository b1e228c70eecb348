"""Invites, made through the services, and the rules they are made under."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.referrals.converting.completion import Completed, complete_referral
from portal.referrals.converting.eligibility import Order
from portal.referrals.invites import Invitation, create_invite
from portal.referrals.models import Channel, ReferralInvite
from portal.referrals.rules import ReferralRules
from tests.databases import SECRET
from tests.factories.loyalty import RULES

DAY = timedelta(days=1)
REFERRAL_RULES = ReferralRules(
    max_active=10,
    cooldown=timedelta(0),
    bonus=500,
    welcome=100,
    life=90 * DAY,
    attribution=30 * DAY,
    holding=timedelta(0),
    minimum_order=0,
    convert_at_registration=False,
    clawback=60 * DAY,
    daily_conversions=5,
    new_customers_only=True,
    circles=False,
    recipient_max=3,
    recipient_window=30 * DAY,
    daily_cap=1000,
    sms_countries=frozenset({"DE", "US"}),
    recipient_key=hashlib.sha256(f"invite recipients:{SECRET}".encode()).digest(),
    link_base="http://localhost/r/",
)


def rules(**changes: Any) -> ReferralRules:
    """The default rules with some changed."""
    return replace(REFERRAL_RULES, **changes)


def make_invite(
    session: Session,
    member: Member,
    *,
    at: datetime | None = None,
    new_code: Callable[[], str] = ids.new_code,
    under: ReferralRules = REFERRAL_RULES,
    **fields: Any,
) -> ReferralInvite:
    """An open invite of a member; `fields` are those of an `Invitation` (a link unless said otherwise)."""
    invitation = Invitation(**{"channel": Channel.LINK, **fields})
    return create_invite(session, member.user_id, invitation, now=at or clock.now(), rules=under, new_code=new_code)


def complete(
    session: Session,
    code: str,
    referee_user_id: str,
    *,
    at: datetime | None = None,
    under: ReferralRules = REFERRAL_RULES,
    order: Order | None = None,
) -> Completed:
    """Complete a referral as an operator's system does."""
    return complete_referral(
        session,
        code,
        referee_user_id,
        order or Order(),
        Act("token:test", at or clock.now()),
        rules=under,
        earning=RULES,
    )
