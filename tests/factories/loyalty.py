"""Members with points, tiers and rewards, made through the services."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType
from portal.ledger.posting import Posted
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import OutboxMessage
from portal.redemptions.lifecycle import HoldRules, Wish, reserve_points
from portal.redemptions.models import Redemption
from portal.rewards.catalogue import put_reward
from portal.rewards.models import Reward
from portal.tiers.models import Tier
from portal.tiers.qualification import CHANGED_TOPIC, enrol, put_tier
from portal.tiers.requalify import BATCH, close_all, move_some
from tests.factories.accounts import make_user

RULES = ledger.EarningRules(ZoneInfo("UTC"), 12)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def make_member(session: Session, user: User | None = None, *, points: int = 0) -> Member:
    """A member, with `points` earned from an order when any."""
    member = enrol(session, (user or make_user(session)).id)
    if points:
        earn(session, member, points)
    session.refresh(member)
    return member


def earn(session: Session, member: Member, points: int, **fields: Any) -> Posted:
    """Credit an order to a member; `expires_at` and others override the posting's fields."""
    now = fields.pop("at", None) or clock.now()
    posting = ledger.Posting(
        member_id=member.id,
        amount=points,
        entry_type=EntryType.ORDER,
        source="order",
        external_id=fields.pop("external_id", ids.encode(ids.new_id())),
        effect="earn",
        occurred_at=now,
        expires_at=fields.pop("expires_at", FAR),
        week=RULES.week(now),
        **fields,
    )
    posted = ledger.post(session, [posting], now)
    session.expire(member)
    return posted


def owe(session: Session, member: Member, points: int, *, at: datetime | None = None) -> UUID:
    """Let a member, who owes nothing, spend all free points, and owe these: the entry of the reversal."""
    now, reference = at or clock.now(), ids.encode(ids.new_id())
    earned = ledger.credit(
        member.id, points, EntryType.EVENT, source="event", external_id=reference, rules=RULES, at=now
    )
    ledger.post(session, [earned], now)
    session.refresh(member)
    free = member.balance - member.held
    takes = choose_lots(session, member.id, free, now)
    spent = ledger.Posting(member.id, -free, EntryType.REDEMPTION, "redemption", reference, "fulfil", now, takes=takes)
    ledger.post(session, [spent], now)
    origin = ledger.Origin(member.id, "event", reference, "credit")
    credit = ledger.find_credit(session, origin)
    assert credit is not None
    done = ledger.reverse_credit(session, origin, credit, points, ledger.Shortfall.OWE, now, {})
    assert done.entry is not None
    session.refresh(member)
    assert member.owed == points
    return done.entry.id


def make_tier(session: Session, slug: str, threshold: int, **fields: Any) -> Tier:
    """An active tier, in which everybody is who has earned it."""
    values = {"name": slug.title(), "threshold": threshold, **fields}
    tier = put_tier(session, slug, values, Act("test", clock.now()))[0]
    settle_tiers(session)
    return tier


def settle_tiers(session: Session) -> None:
    """Move whom the tiers put higher, as the worker does that a change of them wakes."""
    while move_some(session, clock.now(), BATCH)[0]:
        pass
    close_all(session, clock.now())
    session.execute(delete(OutboxMessage).where(OutboxMessage.topic == CHANGED_TOPIC))
    session.expire_all()


def make_reward(session: Session, slug: str = "mug", cost: int = 100, **fields: Any) -> Reward:
    """An active reward."""
    return put_reward(session, slug, {"name": slug.title(), "points_cost": cost, **fields}, Act("test", clock.now()))[0]


def request_reward(session: Session, member: Member, slug: str) -> Redemption:
    """An open request of the member for a reward."""
    rules = HoldRules(timedelta(days=30))
    return reserve_points(session, member.user_id, Wish(slug), Act("test", clock.now()), rules=rules)
