"""Checkout intents: planning, confirming, cancelling, resolving and expiring them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal import redemptions
from portal.checkout.models import CheckoutIntent
from portal.checkout.problems import AlreadyFulfilled, IntentCancelled, IntentConflict, IntentExpired, IntentNotFound
from portal.config import Settings
from portal.members import Member, lock_member_of_user, lock_members
from portal.platform import ids
from portal.platform.audit import Act
from portal.redemptions import HoldRules, Redemption, RedemptionStatus
from portal.rewards import Reward, RewardNotFound, is_offered
from portal.tiers import enrol


@dataclass(frozen=True, slots=True)
class CheckoutRules:
    """The rules that checkout intents follow.

    `ttl` is how long an intent waits, `holds` the rules of its reservation, `base_url` the base of its cards' links,
    `max_invites` the number of open invites from which no referral share is shown.
    """

    ttl: timedelta
    holds: HoldRules
    base_url: str
    max_invites: int

    @classmethod
    def of(cls, settings: Settings) -> "CheckoutRules":
        """The rules that these settings define."""
        return cls(
            ttl=timedelta(hours=settings.checkout_intent_ttl_hours),
            holds=HoldRules.of(settings),
            base_url=settings.base_url,
            max_invites=settings.referral_member_max_active_invites,
        )


REDEMPTION, SHARE = "redemption", "referral_share"
CANCELLED_BY_CHECKOUT = "checkout_intent_cancelled"


class Action(StrEnum):
    """What a checkout can do with its intents."""

    PLAN = "plan"
    CONFIRM = "confirm"
    CANCEL = "cancel"


class Resolution(StrEnum):
    """How a member can resolve a next action."""

    RESOLVED = "resolved"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Part:
    """One intent of a request, by the checkout's own id. A redemption names a reward or points.

    `expected_points` is what the shop believes that the reward costs.
    """

    kind: str
    checkout_intent_id: str
    channel: str | None = None
    reward_slug: str | None = None
    points: int | None = None
    expected_points: int | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """A request of a checkout: one order, its parts, and how long they wait (None: the programme's time).

    `by_member`: the request comes from the member's own browser, not from the shop.
    """

    action: Action
    order_reference: str
    parts: tuple[Part, ...]
    ttl: timedelta | None = None
    by_member: bool = False


@dataclass(frozen=True, slots=True)
class _Desk:
    """The context of an action."""

    session: Session
    member: Member
    checkout: Checkout
    rules: CheckoutRules
    act: Act


def sync_intents(session: Session, user_id: str, checkout: Checkout, act: Act, *, rules: CheckoutRules) -> list[UUID]:
    """Plan, confirm or cancel an order's intents; returns their ids. Repeating it changes nothing (CONTRACT Checkout).

    A plan holds nothing. A confirmed redemption reserves its points, once per `checkoutIntentId`; a confirmed referral
    share stays pending. Cancelling closes the intent and releases a redemption that is still requested; it also records
    an unknown intent as cancelled, so that a late confirmation is refused.

    The shop's ids are unique in the programme; those of a member's browser are unique only for that member. If the shop
    uses a member's own id, it takes over that intent.

    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises IntentConflict: if a `checkoutIntentId` belongs to a different intent.
    :raises IntentCancelled, IntentExpired: if it is planned or confirmed too late.
    :raises AlreadyFulfilled: if it is cancelled too late.
    :raises portal.rewards.PriceChanged: if a reward costs something else than `expected_points`, or, without these,
        than when it was planned.
    :raises portal.platform.problems.DomainError: see `reserve_points`.
    """
    member = lock_member_of_user(session, user_id)
    if member is None:
        enrol(session, user_id)
        member = lock_member_of_user(session, user_id)
        assert member is not None
    desk = _Desk(session, member, checkout, rules, act)
    carry_out = _ACTIONS[checkout.action]
    intents = [carry_out(desk, part, _find(desk, part)) for part in checkout.parts]
    session.flush()
    return [intent.id for intent in intents]


def confirm_intent(
    session: Session,
    user_id: str,
    intent_id: UUID,
    reward_slug: str,
    act: Act,
    *,
    rules: CheckoutRules,
    expected_points: int | None = None,
) -> None:
    """Confirm a planned redemption of this reward for the member who returns to it, as its checkout would.

    `expected_points` is what the member saw that it costs.

    :raises IntentNotFound: if there is no such intent, or it is another member's or another reward's.

    Also raises everything that `sync_intents` raises for a confirmation.
    """
    member = lock_member_of_user(session, user_id)
    row = session.execute(
        select(CheckoutIntent, Reward.slug)
        .join(Reward, Reward.id == CheckoutIntent.reward_id)
        .where(CheckoutIntent.member_id == (member.id if member else None), CheckoutIntent.id == intent_id)
        .execution_options(populate_existing=True)
    ).first()
    if member is None or row is None or row.slug != reward_slug:
        raise IntentNotFound
    intent: CheckoutIntent = row.CheckoutIntent
    part = Part(intent.kind, intent.checkout_intent_id, intent.channel, reward_slug, expected_points=expected_points)
    checkout = Checkout(Action.CONFIRM, intent.order_reference, (part,))
    _confirm(_Desk(session, member, checkout, rules, act), part, intent)
    session.flush()


def resolve_intent(session: Session, user_id: str, intent_id: UUID, resolution: Resolution, *, now: datetime) -> None:
    """Take a next action off the member's feed. An intent that is no longer pending stays as it is.

    `resolved` only ends the reminder: the checkout may still confirm. After `cancelled` it may not. A confirmed
    redemption is not changed: only cancelling it gives its points back, not dismissing a card.

    :raises IntentNotFound: if there is no such intent, or it is another member's.
    """
    member = lock_member_of_user(session, user_id)
    key = (member.id, intent_id) if member else None
    intent = session.get(CheckoutIntent, key, populate_existing=True) if key else None
    if intent is None:
        raise IntentNotFound
    if intent.status == "pending" and intent.expires_at > now:
        intent.status, intent.resolved_at = resolution, now
        session.flush()


def expire_intents(session: Session, now: datetime, limit: int = 500) -> int:
    """Close up to `limit` pending intents that have expired; returns how many, 0 when none is left."""
    due = (CheckoutIntent.status == "pending") & (CheckoutIntent.expires_at <= now)
    found = session.execute(
        select(CheckoutIntent.member_id, CheckoutIntent.id).where(due).order_by(CheckoutIntent.expires_at).limit(limit)
    ).all()
    if not found:
        return 0
    lock_members(session, {row.member_id for row in found})
    session.execute(
        update(CheckoutIntent)
        .where(CheckoutIntent.id.in_([row.id for row in found]), due)
        .values(status="expired", resolved_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(found)


def _plan(desk: _Desk, part: Part, intent: CheckoutIntent | None) -> CheckoutIntent:
    if intent is not None:
        _must_be_open(intent, desk.act.now)
        return intent
    reward = _offered(desk, part.reward_slug) if part.reward_slug else None
    wish = {"reward_id": reward.id, "planned_cost": reward.points_cost} if reward else {"points": part.points}
    return _store(desk, part, status="pending", **wish)


def _confirm(desk: _Desk, part: Part, intent: CheckoutIntent | None) -> CheckoutIntent:
    intent = _plan(desk, part, intent)
    if part.kind == SHARE:
        intent.confirmed_at = intent.confirmed_at or desk.act.now
    elif intent.status != "confirmed":
        wish = redemptions.Wish(
            part.reward_slug,
            part.points or 0,
            f"Order {intent.order_reference}",
            part.checkout_intent_id,
            expected_points=part.expected_points or intent.planned_cost,
        )
        redemption = redemptions.reserve_points(
            desk.session, desk.member.user_id, wish, desk.act, rules=desk.rules.holds
        )
        intent.redemption_id, intent.status = redemption.id, "confirmed"
        intent.confirmed_at, intent.resolved_at = desk.act.now, None
    return intent


def _cancel(desk: _Desk, part: Part, intent: CheckoutIntent | None) -> CheckoutIntent:
    if intent is None:
        return _store(desk, part, status="cancelled", resolved_at=desk.act.now)
    if intent.status == "cancelled":
        return intent
    if intent.redemption_id is not None:
        _release(desk, intent.redemption_id)
    intent.status, intent.resolved_at = "cancelled", desk.act.now
    return intent


_Handler = Callable[[_Desk, Part, CheckoutIntent | None], CheckoutIntent]
_ACTIONS: dict[Action, _Handler] = {Action.PLAN: _plan, Action.CONFIRM: _confirm, Action.CANCEL: _cancel}


def _release(desk: _Desk, redemption_id: UUID) -> None:
    """Give the points back, unless the redemption is already failed or cancelled."""
    mine = (Redemption.member_id == desk.member.id) & (Redemption.id == redemption_id)
    status = desk.session.scalar(select(Redemption.status).where(mine))
    if status == RedemptionStatus.FULFILLED:
        raise AlreadyFulfilled
    if status == RedemptionStatus.REQUESTED:
        redemptions.release_redemption(
            desk.session, redemption_id, RedemptionStatus.CANCELLED, replace(desk.act, reason=CANCELLED_BY_CHECKOUT)
        )


def _find(desk: _Desk, part: Part) -> CheckoutIntent | None:
    """The stored intent of the part; raises `IntentConflict` if that is for something else."""
    rows = desk.session.execute(
        select(CheckoutIntent, Reward.slug)
        .outerjoin(Reward, Reward.id == CheckoutIntent.reward_id)
        .where(CheckoutIntent.checkout_intent_id == part.checkout_intent_id, _in_reach(desk))
        .execution_options(populate_existing=True)
    ).all()
    found = None
    for intent, slug in rows:
        mine = intent.member_id == desk.member.id and intent.order_reference == desk.checkout.order_reference
        if not mine or intent.kind != part.kind or not _same_wish(intent, slug, part):
            raise IntentConflict
        intent.by_member = intent.by_member and desk.checkout.by_member
        found = found or intent
    return found


def _in_reach(desk: _Desk) -> ColumnElement[bool]:
    """A condition: the member's own intents and, for the shop, all that have an id of the shop."""
    mine = CheckoutIntent.member_id == desk.member.id
    return mine if desk.checkout.by_member else mine | ~CheckoutIntent.by_member


def _same_wish(intent: CheckoutIntent, slug: str | None, part: Part) -> bool:
    """Whether both ask for the same.

    A cancellation may omit the wish, and an intent first stored as cancelled may have none.
    """
    asked, stored = (part.reward_slug, part.points), (slug, intent.points)
    return asked == stored or (None, None) in (asked, stored)


def _must_be_open(intent: CheckoutIntent, now: datetime) -> None:
    if intent.status == "cancelled":
        raise IntentCancelled
    if intent.status == "expired" or (intent.status != "confirmed" and intent.expires_at <= now):
        raise IntentExpired


def _offered(desk: _Desk, slug: str) -> Reward:
    reward = desk.session.scalar(select(Reward).where(Reward.slug == slug))
    if reward is None or not is_offered(reward, desk.act.now):
        raise RewardNotFound
    return reward


def _store(desk: _Desk, part: Part, **fields: object) -> CheckoutIntent:
    intent = CheckoutIntent(
        member_id=desk.member.id,
        id=ids.new_id(),
        checkout_intent_id=part.checkout_intent_id,
        kind=part.kind,
        order_reference=desk.checkout.order_reference,
        channel=part.channel,
        created_at=desk.act.now,
        expires_at=desk.act.now + (desk.checkout.ttl or desk.rules.ttl),
        by_member=desk.checkout.by_member,
        **fields,
    )
    desk.session.add(intent)
    desk.session.flush()
    return intent
