"""`run_loyalty_progression`: what the passage of time does to points, holds and invites."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.checkout import expire_intents
from portal.earning import pay_birthdays
from portal.ledger import (
    EarningRules,
    activate_due,
    expire_scheduled_points,
    grant_weekly_streak_bonuses,
    settle_doubts,
)
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings
from portal.platform.steps import Figures, Shard, Step
from portal.redemptions import cancel_stale_holds
from portal.referrals import expire_invites

SHARDS = 8
POSTED = ("entries", "points", "members")


def run_loyalty_progression(_: datetime) -> list[Step]:
    """Cancel stale holds, activate, expire and pay points, judge tiers in doubt, close what is over."""
    settings = current_settings()
    rules, bonus = EarningRules.of(settings), settings.streak_bonus_points
    unearn = timedelta(days=settings.tier_unearn_days)

    def activate(shard: Shard) -> Figures | None:
        with unit_of_work() as session:
            return activate_due(session, clock.now(), rules=rules, shard=shard)

    def expire(shard: Shard) -> Figures | None:
        with unit_of_work() as session:
            return expire_scheduled_points(session, clock.now(), shard=shard)

    def reward(shard: Shard) -> Figures | None:
        with unit_of_work() as session:
            return grant_weekly_streak_bonuses(session, clock.now(), points=bonus, rules=rules, shard=shard)

    def celebrate(shard: Shard) -> Figures | None:
        with unit_of_work() as session:
            return pay_birthdays(session, clock.now(), rules=rules, shard=shard)

    def settle(shard: Shard) -> Figures | None:
        with unit_of_work() as session:
            return settle_doubts(session, clock.now(), rules=rules, within=unearn, shard=shard)

    return [
        counting("stale_holds", "cancelled", cancel_stale_holds),
        # First, so that it is judged by what the day has left, and not by what is paid from here on.
        Step("tiers_in_doubt", settle, ("members", "unearned"), SHARDS),
        Step("activated_credits", activate, POSTED, SHARDS),
        Step("expired_points", expire, POSTED, SHARDS),
        Step("birthdays", celebrate, ("members", "points"), SHARDS),
        Step("streak_bonuses", reward, POSTED, SHARDS),
        counting("expired_invites", "closed", expire_invites),
        counting("expired_checkout_intents", "closed", expire_intents),
    ]


def counting(name: str, figure: str, sweep: Callable[[Session, datetime], int]) -> Step:
    """A step for a sweep that handles a bounded number per call and returns how many; 0: none is left."""

    def work(_: Shard) -> Figures | None:
        with unit_of_work() as session:
            done = sweep(session, clock.now())
        return {figure: done} if done else None

    return Step(name, work, (figure,))
