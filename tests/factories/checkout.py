"""Checkout intents, made through the service."""

import itertools
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.checkout.intents import REDEMPTION, SHARE, Action, Checkout, CheckoutRules, Part, sync_intents
from portal.checkout.models import CheckoutIntent
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.redemptions.lifecycle import HoldRules

CHECKOUT_RULES = CheckoutRules(timedelta(hours=72), HoldRules(timedelta(hours=720)), "http://localhost", 10)
_numbers = itertools.count(1)


def make_intent(
    session: Session,
    member: Member,
    *,
    reward: str | None = None,
    points: int | None = None,
    action: Action = Action.PLAN,
    order: str = "A-1",
    at: datetime | None = None,
    ttl: timedelta | None = None,
) -> CheckoutIntent:
    """A planned (or confirmed, cancelled) redemption of a reward or of points; with neither, a referral share."""
    kind = REDEMPTION if reward or points else SHARE
    part = Part(kind, f"intent-{next(_numbers)}", "web", reward, points)
    made = sync_intents(
        session,
        member.user_id,
        Checkout(action, order, (part,), ttl),
        Act("test", at or clock.now()),
        rules=CHECKOUT_RULES,
    )
    session.expire(member)
    return session.get_one(CheckoutIntent, (member.id, made[0]))
