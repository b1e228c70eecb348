"""Tiers: their catalogue, enrolment into the lowest one, and upgrades."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.members import Member, provision_member, provision_members
from portal.platform import audit, clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.formatting import grouped
from portal.platform.problems import InvalidInput
from portal.tiers.models import Requalification, Tier

UPGRADE_TOPIC, CHANGED_TOPIC = "tier_upgraded", "tiers_changed"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A recorded upgrade of a member; `from_slug` is None if they had no tier."""

    member_id: UUID
    change_id: UUID
    from_slug: str | None
    to_slug: str


_RISE = text("""
    WITH risen AS (
        SELECT m.id AS member_id, c.id AS from_id, c.slug AS from_slug, t.id AS to_id, t.slug AS to_slug,
               t.threshold, m.lifetime_earned, m.last_seq
        FROM loyalty_members m
        LEFT JOIN loyalty_tiers c ON c.id = m.tier_id
        CROSS JOIN LATERAL (
            SELECT id, slug, threshold FROM loyalty_tiers
            WHERE active AND threshold <= m.lifetime_earned ORDER BY threshold DESC LIMIT 1) t
        WHERE m.id = ANY(:ids) AND (c.id IS NULL OR t.threshold > c.threshold)
    ), moved AS (
        UPDATE loyalty_members m SET tier_id = r.to_id, tier_since = :now FROM risen r WHERE m.id = r.member_id
        RETURNING m.id
    ), recorded AS (
        INSERT INTO loyalty_tier_changes (member_id, id, from_tier_id, to_tier_id, reason, threshold, lifetime_earned,
                                          last_seq, changed_at)
        SELECT r.member_id, new_ulid(:now), r.from_id, r.to_id, 'reached', r.threshold, r.lifetime_earned, r.last_seq,
               :now
        FROM risen r JOIN moved ON moved.id = r.member_id
        RETURNING member_id, id
    )
    SELECT r.member_id, recorded.id AS change_id, r.from_slug, r.to_slug, r.threshold > 0 AS earned
    FROM risen r JOIN recorded USING (member_id)
""")


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('tiers', 0))")


def list_tiers(session: Session) -> list[Tier]:
    """Active tiers by threshold."""
    return list(session.scalars(select(Tier).where(Tier.active).order_by(Tier.threshold)))


def enrol(session: Session, user_id: str) -> Member:
    """Return a user's membership; if there is none, create it in the tier that 0 points qualify for.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    member, new = provision_member(session, user_id)
    if new and record_upgrades(session, [member.id], clock.now()):
        session.refresh(member)
    return member


def enrol_many(session: Session, user_ids: Collection[str]) -> list[UUID]:
    """Create memberships for these users, who have none, in the tier that 0 points qualify for; returns their ids."""
    made = provision_members(session, user_ids)
    record_upgrades(session, made, clock.now())
    return made


def record_upgrades(
    session: Session, member_ids: Collection[UUID], now: datetime, *, announce: bool = True
) -> list[Upgrade]:
    """Move members who have reached a higher tier, record the upgrades and put their announcements in the outbox.

    The caller holds the members' row locks. Nobody is moved down here (CONTRACT rule 9). A tier with threshold 0 is
    never announced, and none is if `announce` is False.
    """
    rows = session.execute(_RISE, {"ids": list(member_ids), "now": now}).all()
    telling = [row for row in rows if row.earned] if announce else []
    announced = [{"member_id": ids.encode(row.member_id), "change_id": ids.encode(row.change_id)} for row in telling]
    outbox.put(session, UPGRADE_TOPIC, announced, dedupe="change_id")
    return [Upgrade(row.member_id, row.change_id, row.from_slug, row.to_slug) for row in rows]


def put_tier(session: Session, slug: str, fields: Document, act: Act) -> tuple[Tier, bool]:
    """Create or change a tier; a job moves members who now qualify. Fields left out keep their value.

    A new tier without a position is placed by its threshold.

    :raises InvalidInput: if a field is missing, or thresholds would not ascend strictly with position.
    """
    session.execute(_ONE_AT_A_TIME)
    others = list(session.scalars(select(Tier).where(Tier.active, Tier.slug != slug).order_by(Tier.threshold)))
    tier = session.scalar(select(Tier).where(Tier.slug == slug))
    created, before = tier is None, None if tier is None else describe(tier)
    if tier is None:
        missing = [(name, "is required") for name in ("name", "threshold") if name not in fields]
        if missing:
            raise InvalidInput(*missing)
        tier = Tier(id=ids.new_id(), slug=slug, benefits=[], active=True, created_at=act.now)
        fields.setdefault("position", next_position(others, fields["threshold"]))
        session.add(tier)
    for name, value in fields.items():
        setattr(tier, name, value)
    tier.updated_at = act.now
    if tier.active:
        must_ascend(tier, others)
    session.flush()
    audit.record(
        session,
        act,
        action="tier.put",
        object_type="tier",
        object_id=slug,
        before=before,
        after=describe(tier),
    )
    change = Requalification(id=ids.new_id(), tier_slug=slug, changed_at=act.now)
    session.add(change)
    session.flush()
    outbox.put(session, CHANGED_TOPIC, [{"id": ids.encode(change.id)}], dedupe="id")
    return tier, created


def describe(tier: Tier) -> Document:
    """The tier as the audit log keeps it."""
    return {n: getattr(tier, n) for n in ("slug", "name", "threshold", "benefits", "position", "active")}


class Rung(Protocol):
    """The fields of a tier that matter for its order."""

    name: str
    threshold: int
    position: int


def next_position(others: Sequence[Rung], threshold: int) -> int:
    """The position of a new tier between its neighbours by threshold; moves higher tiers up where there is no room."""
    below = [t for t in others if t.threshold < threshold]
    above = [t for t in others if t.threshold > threshold]
    position = below[-1].position + 1 if below else 1
    for step, tier in enumerate(above, 1):
        tier.position = max(tier.position, position + step)
    return position


def must_ascend(tier: Rung, others: Sequence[Rung]) -> None:
    """Refuse a tier that would break the order of the other active ones.

    :raises InvalidInput: if its threshold or position is taken, or thresholds would not ascend with position.
    """
    for other in others:
        if other.threshold == tier.threshold:
            raise InvalidInput(("threshold", f"{other.name} has the threshold {grouped(other.threshold)} already"))
        if other.position == tier.position:
            raise InvalidInput(("position", f"{other.name} has the position {other.position} already"))
        if (other.position < tier.position) != (other.threshold < tier.threshold):
            way, much = ("below", "fewer") if tier.position < other.position else ("above", "more")
            stands = f"{other.name}, at position {other.position}, needs {grouped(other.threshold)} points"
            wanted = f"thresholds would not ascend: {stands}, so a tier {way} it must need {much}"
            raise InvalidInput(("threshold", wanted))
