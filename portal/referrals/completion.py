"""Completion: a referred friend is credited together with who invited them, once (CONTRACT rule 10)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts.guards import UserNotFound
from portal.accounts.models import User
from portal.core import audit, ids
from portal.core.problems import InvalidInput
from portal.ledger import service as ledger
from portal.ledger.models import EntryType
from portal.members.models import Member
from portal.members.service import lock_members
from portal.referrals import problems
from portal.referrals.activity import note_activity
from portal.referrals.attribution import insert_bound_invite
from portal.referrals.closing import effective_status
from portal.referrals.codes import Target, find_code
from portal.referrals.models import OPEN, InviteStatus, ReferralInvite
from portal.referrals.rules import ReferralRules
from portal.referrals.signals import find_signals
from portal.tiers.service import Upgrade, enrol

REFUSALS = {
    InviteStatus.CONVERTED: problems.AlreadyConverted,
    InviteStatus.EXPIRED: problems.ReferralExpired,
    InviteStatus.CANCELLED: problems.ReferralCancelled,
}


@dataclass(frozen=True, slots=True)
class Order:
    """The order that completes a referral; `amount` in the currency's smallest unit, when it was told."""

    reference: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The converted invite, what was posted (nothing while the credit is pending), and the referrer's rise."""

    invite: ReferralInvite
    entries: list[ledger.Entry]
    upgrade: Upgrade | None


def complete_referral(
    session: Session, code: str, referee_user_id: str, order: Order, *, actor: str, now: datetime,
    rules: ReferralRules, earning: ledger.EarningRules, reason: str = "",
) -> Completed:  # fmt: skip
    """Convert an invite, or a member's personal code, for a friend and credit both sides in this transaction.

    With a holding period both credits stay pending until `release_due_credits`.

    :raises problems.ReferralNotFound: nobody has this code.
    :raises UserNotFound: no such friend.
    :raises problems.RefereeUnverified: the friend has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises problems.AlreadyConverted, problems.ReferralExpired, problems.ReferralCancelled: the invite is closed.
    :raises problems.AlreadyReferred: the friend was converted before, or registered through someone else's invite.
    :raises problems.SelfReferral: both are one person (CONTRACT rule 10).
    :raises problems.OrderTooSmall, InvalidInput: the order is below the minimum, or its amount was not told.
    """
    target = find_code(session, code)
    if target is None:
        raise problems.ReferralNotFound
    referrer, referee = _both_sides(session, target.member_id, referee_user_id)
    _demand_addresses(referrer, referee)
    _demand_order(order, rules)
    refuse_one_person(referrer, referee)
    friend = enrol(session, referee.id)
    lock_members(session, {target.member_id, friend.id})
    invite = _choose_invite(session, target, referee.id, now, rules)
    _convert(session, invite, referrer, referee, order, now, rules)
    audit.record(
        session, actor=actor, action="referral.complete", object_type="referral", object_id=ids.encode(invite.id),
        reason=reason, after={"referee": referee.id, "code": invite.code, "signals": invite.signals},
    )  # fmt: skip
    posted = _credit(session, [(invite, friend.id)], now, earning) if rules.holding.total_seconds() == 0 else None
    upgrades = posted.upgrades if posted else []
    mine = next((upgrade for upgrade in upgrades if upgrade.member_id == invite.member_id), None)
    return Completed(invite, posted.entries if posted else [], mine)


def release_due_credits(session: Session, now: datetime, earning: ledger.EarningRules, limit: int = 500) -> int:
    """Post up to `limit` pending credits whose holding period is over; returns how many, 0 when none is left."""
    due = (
        (ReferralInvite.status == InviteStatus.CONVERTED)
        & ReferralInvite.credited_at.is_(None)
        & (ReferralInvite.credit_due_at <= now)
    )
    found = session.execute(
        select(ReferralInvite.id, ReferralInvite.member_id, Member.id)
        .join(Member, Member.user_id == ReferralInvite.referee_user_id)
        .where(due)
        .order_by(ReferralInvite.credit_due_at)
        .limit(limit)
    ).all()
    if not found:
        return 0
    lock_members(session, {row[1] for row in found} | {row[2] for row in found})
    friends = {row[0]: row[2] for row in found}
    invites = session.scalars(
        select(ReferralInvite).where(ReferralInvite.id.in_(friends), due).execution_options(populate_existing=True)
    ).all()
    _credit(session, [(invite, friends[invite.id]) for invite in invites], now, earning)
    return len(found)


def refuse_one_person(referrer: User, referee: User) -> None:
    """Refuse a referral of someone to themselves.

    :raises problems.SelfReferral: one account, or one normalised address (CONTRACT rule 10).
    """
    alike = referrer.email_normalized is not None and referrer.email_normalized == referee.email_normalized
    if referrer.id == referee.id or alike:
        raise problems.SelfReferral


def _both_sides(session: Session, member_id: UUID, referee_user_id: str) -> tuple[User, User]:
    inviting = select(User).join(Member, Member.user_id == User.id).where(Member.id == member_id)
    referee = session.get(User, referee_user_id)
    if referee is None:
        raise UserNotFound
    return session.scalars(inviting).one(), referee


def _demand_addresses(referrer: User, referee: User) -> None:
    """Both sides have shown that their address is theirs; the code of somebody who has not is as good as none."""
    if referrer.email_verified_at is None:
        raise problems.ReferralCancelled("Who invited has not confirmed their address.")
    if referee.email_verified_at is None:
        raise problems.RefereeUnverified


def _demand_order(order: Order, rules: ReferralRules) -> None:
    if rules.minimum_order == 0:
        return
    if order.amount is None:
        raise InvalidInput(("orderAmount", "is needed, because the programme asks for a minimum order"))
    if order.amount < rules.minimum_order:
        raise problems.OrderTooSmall(rules.minimum_order)


def _choose_invite(
    session: Session, target: Target, referee_id: str, now: datetime, rules: ReferralRules
) -> ReferralInvite:  # fmt: skip
    """The open invite to convert: the code's own, or the one the friend registered through; made now if need be."""
    key = (target.member_id, target.invite_id)
    named = session.get(ReferralInvite, key, populate_existing=True) if target.invite_id else None
    bound, converted = _referrals_of(session, referee_id)
    if bound is not None and effective_status(bound, now) not in OPEN:
        bound = None
    spoken_for = named is None or named.attributed_user_id not in (None, referee_id)
    if bound is not None and bound.member_id == target.member_id and spoken_for:
        named = bound
    if named is not None and (status := effective_status(named, now)) not in OPEN:
        raise REFUSALS[InviteStatus(status)]
    if converted:
        raise problems.AlreadyReferred
    if bound is not None and bound.member_id != target.member_id:
        raise problems.AlreadyReferred("They registered through another invite.", extra={"referralCode": bound.code})
    return named or insert_bound_invite(session, target, None, now=now, rules=rules)


def _referrals_of(session: Session, referee_id: str) -> tuple[ReferralInvite | None, bool]:
    """The invite a friend registered through, and whether any has been converted for them."""
    mine = (ReferralInvite.attributed_user_id == referee_id) | (ReferralInvite.referee_user_id == referee_id)
    found = session.scalars(select(ReferralInvite).where(mine).execution_options(populate_existing=True)).all()
    bound = next((invite for invite in found if invite.attributed_user_id == referee_id), None)
    return bound, any(invite.referee_user_id == referee_id for invite in found)


def _convert(
    session: Session, invite: ReferralInvite, referrer: User, referee: User, order: Order, now: datetime,
    rules: ReferralRules,
) -> None:  # fmt: skip
    found = find_signals(session, invite, referrer, referee, now)
    values = {
        "status": InviteStatus.CONVERTED, "converted_at": now, "referee_user_id": referee.id,
        "order_reference": order.reference, "credit_due_at": now + rules.holding, "signals": found,
    }  # fmt: skip
    still_open = ReferralInvite.status.in_(OPEN) & (ReferralInvite.expires_at > now)
    changed = session.execute(
        update(ReferralInvite)
        .where(ReferralInvite.member_id == invite.member_id, ReferralInvite.id == invite.id, still_open)
        .values(values)
        .returning(ReferralInvite.id)
        .execution_options(synchronize_session=False)
    ).first()
    if changed is None:
        raise problems.AlreadyConverted
    session.refresh(invite)
    note_activity(session, invite.member_id, opened=-1, active_at=now)


def _credit(
    session: Session, pairs: Iterable[tuple[ReferralInvite, UUID]], now: datetime, earning: ledger.EarningRules
) -> ledger.Posted:  # fmt: skip
    """Post both sides of these conversions in one batch; the caller holds all members' row locks."""
    postings = []
    for invite, friend_id in pairs:
        invite.credited_at = now
        postings += _postings(invite, friend_id, now, earning)
    session.flush()
    return ledger.post(session, postings, now) if postings else ledger.Posted([], [])


def _postings(
    invite: ReferralInvite, friend_id: UUID, now: datetime, earning: ledger.EarningRules
) -> list[ledger.Posting]:  # fmt: skip
    metadata: dict[str, Any] = {"referral_code": invite.code}
    if invite.shared_code is not None:
        metadata["shared_code"] = invite.shared_code
    sides = (
        (invite.member_id, invite.reward_points, EntryType.REFERRAL_BONUS, "Referral conversion bonus", "referrer"),
        (friend_id, invite.welcome_points, EntryType.REFERRAL_WELCOME, "Referral welcome bonus", "referee"),
    )
    return [
        ledger.credit(
            member_id, points, entry_type, description, source="referral", external_id=ids.encode(invite.id),
            effect=effect, metadata=metadata, rules=earning, at=now,
        )
        for member_id, points, entry_type, description, effect in sides
        if points
    ]  # fmt: skip
