"""The life of a redemption: requested, fulfilled, released, retried, or cancelled when stale."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from portal import ledger, rewards
from portal.config import Settings
from portal.ledger import EntryType
from portal.members import Member, MemberSuspended, lock_member_of_user, lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict, NotFound, WrongState
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.tiers import enrol


@dataclass(frozen=True, slots=True)
class HoldRules:
    """How long a hold may stay open."""

    ttl: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "HoldRules":
        """The rules that these settings define."""
        return cls(timedelta(hours=settings.redemption_hold_ttl_hours))


HOLD_EXPIRED = "hold_expired"
TAKING = (RedemptionStatus.REQUESTED, RedemptionStatus.FULFILLED)


class RedemptionNotFound(NotFound):
    """No such redemption, or not the caller's."""

    code = "redemption_not_found"
    title = "No such redemption"


class NotPending(WrongState):
    """The redemption is already resolved; the response contains its `currentStatus`."""

    code = "redemption_not_pending"
    title = "This redemption is no longer pending"


class NotFulfilled(WrongState):
    """The redemption has no ledger entry: it was not fulfilled."""

    code = "redemption_not_fulfilled"
    title = "This redemption is not fulfilled"


class NotRetryable(Conflict):
    """Only a failed redemption can be retried, and only once."""

    code = "redemption_not_retryable"
    title = "This redemption cannot be asked for again"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member wants: a reward by its slug, or `points` for a described purpose.

    `retry_of` is the failed redemption that is retried, `expected_points` what the reward is believed to cost.
    """

    reward_slug: str | None = None
    points: int = 0
    description: str = ""
    checkout_intent_id: str | None = None
    retry_of: UUID | None = None
    expected_points: int | None = None


def reserve_points(session: Session, user_id: str, wish: Wish, act: Act, *, rules: HoldRules) -> Redemption:
    """Request a redemption: hold the points, and one item of the reward, until it is resolved.

    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises MemberSuspended: if the member may not spend.
    :raises rewards.RewardNotFound, rewards.OutOfStock, rewards.LimitReached, rewards.TierRequired: if the member cannot
        have the reward.
    :raises rewards.PriceChanged: if it costs something else than expected.
    :raises ledger.InsufficientPoints: if fewer points are available.
    """
    member = lock_member_of_user(session, user_id)
    if member is None:
        enrol(session, user_id)
        member = lock_member_of_user(session, user_id)
        assert member is not None
    if member.status != "active":
        raise MemberSuspended
    redemption = Redemption(
        member_id=member.id,
        id=ids.new_id(),
        status=RedemptionStatus.REQUESTED,
        requested_at=act.now,
        hold_expires_at=act.now + rules.ttl,
        requested_by=act.actor,
        checkout_intent_id=wish.checkout_intent_id,
        points=wish.points,
        description=wish.description,
        retry_of=wish.retry_of,
    )
    if wish.reward_slug is not None:
        _take_reward(session, member, redemption, wish, act.now)
    session.add(redemption)
    session.flush()
    ledger.hold_points(session, member.id, redemption.id, redemption.points, act.now)
    return redemption


def retry_redemption(session: Session, user_id: str, redemption_id: UUID, act: Act, *, rules: HoldRules) -> Redemption:
    """Retry a failed redemption: request the same reward at today's cost, or the same points and description.

    Retrying twice changes nothing: while the new request is open, it is returned.

    :raises RedemptionNotFound: if there is no such redemption, or it is not of this user.
    :raises NotRetryable: if it has not failed, or its retry is already resolved.

    Also raises everything that `reserve_points` raises.
    """
    member = lock_member_of_user(session, user_id)
    failed = session.get(Redemption, (member.id, redemption_id), populate_existing=True) if member else None
    if failed is None:
        raise RedemptionNotFound
    again = session.scalar(
        select(Redemption).where(Redemption.member_id == failed.member_id, Redemption.retry_of == failed.id)
    )
    if again is not None and again.status == RedemptionStatus.REQUESTED:
        return again
    if again is not None or failed.status != RedemptionStatus.FAILED:
        raise NotRetryable
    slug = session.scalar(text("SELECT slug FROM loyalty_rewards WHERE id = :id"), {"id": failed.reward_id})
    custom = (0, "") if slug else (failed.points, failed.description)
    wish = Wish(slug, *custom, retry_of=failed.id)
    return reserve_points(session, user_id, wish, act, rules=rules)


def fulfill_redemption(session: Session, redemption_id: UUID, act: Act) -> Redemption:
    """Debit the held points and write the ledger entry, whose metadata names the redemption.

    :raises RedemptionNotFound: if there is no such redemption.
    :raises NotPending: if it is already resolved.
    """
    redemption = _pending(session, redemption_id)
    takes = ledger.take_held_points(session, redemption.member_id, redemption.id)
    posting = ledger.Posting(
        redemption.member_id,
        -redemption.points,
        EntryType.REDEMPTION,
        "redemption",
        ids.encode(redemption.id),
        "fulfil",
        act.now,
        {"redemption_id": ids.encode(redemption.id)},
        ledger.Texts(redemption.description),
        takes=takes,
    )
    entry = ledger.post(session, [posting], act.now).entries[0]
    redemption.status = RedemptionStatus.FULFILLED
    redemption.fulfilled_at = redemption.closed_at = act.now
    redemption.ledger_entry_id, redemption.closed_by = entry.id, act.actor
    session.flush()
    _record(session, redemption, act)
    return redemption


def release_redemption(
    session: Session, redemption_id: UUID, status: RedemptionStatus, act: Act, *, only_user_id: str | None = None
) -> Redemption:
    """Fail or cancel a redemption: give the held points and the item back and store the reason.

    :raises RedemptionNotFound: if there is no such redemption, or it is not of `only_user_id`.
    :raises NotPending: if it is already resolved.
    """
    redemption = _pending(session, redemption_id, only_user_id)
    ledger.release_holds(session, [redemption.member_id], [redemption.id], act.now)
    rewards.give_back(session, [redemption.reward_id] if redemption.reward_id else [])
    redemption.status, redemption.failure_reason = status, act.reason
    redemption.closed_at, redemption.closed_by = act.now, act.actor
    session.flush()
    _record(session, redemption, act)
    return redemption


def add_references(session: Session, redemption_id: UUID, act: Act) -> tuple[Redemption, bool]:
    """Add a fulfilled redemption's id to its ledger entry, as facts beside the entry, unless the entry contains it.

    Returns whether it was missing; if it was, this is written to the audit log.

    :raises RedemptionNotFound: if there is no such redemption.
    :raises NotFulfilled: if it has no ledger entry.
    """
    redemption = session.scalar(select(Redemption).where(Redemption.id == redemption_id))
    if redemption is None:
        raise RedemptionNotFound
    if redemption.ledger_entry_id is None or redemption.fulfilled_at is None:
        raise NotFulfilled(redemption.status)
    facts = {"redemption_id": ids.encode(redemption.id), "fulfilled_at": redemption.fulfilled_at.isoformat()}
    added = ledger.add_facts(session, redemption.member_id, redemption.ledger_entry_id, "redemption_id", facts)
    if added:
        audit.record(
            session,
            act,
            action="redemption.reference",
            object_type="redemption",
            object_id=ids.encode(redemption.id),
            before=None,
            after={"entry": ids.encode(redemption.ledger_entry_id), **facts},
        )
    return redemption, added


def lock_owners(session: Session, redemption_ids: Collection[UUID]) -> None:
    """Take the row locks of these redemptions' members, in the common lock order."""
    owners = session.scalars(select(Redemption.member_id).where(Redemption.id.in_(redemption_ids)))
    lock_members(session, set(owners))


def cancel_stale_holds(session: Session, now: datetime, *, limit: int = 500) -> int:
    """Cancel up to `limit` redemptions whose hold has expired, with the reason `hold_expired` (CONTRACT rule 7).

    Returns how many; 0 when none is left.
    """
    due = (Redemption.status == RedemptionStatus.REQUESTED) & (Redemption.hold_expires_at <= now)
    found = session.execute(
        select(Redemption.member_id, Redemption.id).where(due).order_by(Redemption.hold_expires_at).limit(limit)
    ).all()
    if not found:
        return 0
    lock_members(session, {row.member_id for row in found})
    closed = session.execute(
        update(Redemption)
        .where(Redemption.id.in_([row.id for row in found]), due)
        .values(
            status=RedemptionStatus.CANCELLED, failure_reason=HOLD_EXPIRED, closed_at=now, closed_by="job:hold_expiry"
        )
        .returning(Redemption.member_id, Redemption.id, Redemption.reward_id)
        .execution_options(synchronize_session=False)
    ).all()
    ledger.release_holds(session, {row.member_id for row in closed}, [row.id for row in closed], now)
    rewards.give_back(session, [row.reward_id for row in closed if row.reward_id])
    return len(found)


def _take_reward(session: Session, member: Member, redemption: Redemption, wish: Wish, now: datetime) -> None:
    item = rewards.take_reward(session, wish.reward_slug or "", now, wish.expected_points)
    if item.min_threshold is not None and _standing(session, member) < item.min_threshold:
        raise rewards.TierRequired(f"{item.name} opens at {item.min_tier}.")
    if item.per_member_limit is not None and _count_taken(session, member.id, item.id) >= item.per_member_limit:
        raise rewards.LimitReached(f"{grouped(item.per_member_limit)} per member.")
    redemption.reward_id, redemption.points, redemption.description = item.id, item.points_cost, item.name


def _standing(session: Session, member: Member) -> int:
    """The threshold of the member's tier, -1 without one."""
    statement = text("SELECT threshold FROM loyalty_tiers WHERE id = :id")
    return session.scalar(statement, {"id": member.tier_id}) if member.tier_id else -1


def _count_taken(session: Session, member_id: UUID, reward_id: UUID) -> int:
    mine = (Redemption.member_id == member_id) & (Redemption.reward_id == reward_id)
    return session.scalar(select(func.count()).where(mine, Redemption.status.in_(TAKING))) or 0


def lock_redemption(session: Session, redemption_id: UUID, only_user_id: str | None = None) -> Redemption:
    """The redemption as it is, under its member's row lock.

    :raises RedemptionNotFound: if there is no such redemption, or it is not of `only_user_id`.
    """
    owner = session.execute(
        select(Member.id, Member.user_id)
        .join(Redemption, Redemption.member_id == Member.id)
        .where(Redemption.id == redemption_id)
        .with_for_update(of=Member)
    ).first()
    if owner is None or (only_user_id is not None and owner.user_id != only_user_id):
        raise RedemptionNotFound
    return session.get_one(Redemption, (owner.id, redemption_id), populate_existing=True)


def _pending(session: Session, redemption_id: UUID, only_user_id: str | None = None) -> Redemption:
    """The redemption, still pending, under its member's row lock."""
    redemption = lock_redemption(session, redemption_id, only_user_id)
    if redemption.status != RedemptionStatus.REQUESTED:
        raise NotPending(redemption.status)
    return redemption


def _record(session: Session, redemption: Redemption, act: Act) -> None:
    audit.record(
        session,
        act,
        action=f"redemption.{redemption.status}",
        object_type="redemption",
        object_id=ids.encode(redemption.id),
        before={"status": RedemptionStatus.REQUESTED},
        after={"status": redemption.status, "points": redemption.points},
    )


def list_redemptions_of(session: Session, member_id: UUID, redemption_ids: Collection[UUID]) -> dict[UUID, Redemption]:
    """The member's redemptions among these, by id, freshly read. The caller holds the member's row lock."""
    mine = (Redemption.member_id == member_id) & Redemption.id.in_(redemption_ids)
    found = session.scalars(select(Redemption).where(mine).execution_options(populate_existing=True))
    return {redemption.id: redemption for redemption in found}
