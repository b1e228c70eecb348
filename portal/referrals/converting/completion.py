"""Completion: credits a referred friend and the inviter together, once (CONTRACT rule 10)."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts import User, UserNotFound
from portal.members import Member, lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.problems import InvalidInput
from portal.referrals import problems
from portal.referrals.attribution import insert_bound_invite
from portal.referrals.codes import Target, find_code
from portal.referrals.converting.credits import credit_both, get_first_credits, put_both_aside
from portal.referrals.converting.eligibility import Order, Sides, demand_may_convert, read_sides
from portal.referrals.converting.fraud_signals import find_signals
from portal.referrals.models import OPEN, InviteStatus, ReferralInvite
from portal.referrals.rules import ReferralRules
from portal.referrals.standing import effective_status, note_activity, still_open
from portal.tiers import enrol


class Before(NamedTuple):
    """A friend's referrals so far: the invite they registered through, their conversion that stands or was voided by
    hand, and the latest that was reversed because of its order, after which they may convert again (R11)."""

    bound: ReferralInvite | None
    converted: ReferralInvite | None
    taken_back: ReferralInvite | None


@dataclass(frozen=True, slots=True)
class Completed:
    """The converted invite, and the entries posted at once (none while the credit is pending)."""

    invite: ReferralInvite
    entries: list[ledger.Entry]

    @property
    def upgrade(self) -> dict[str, str | None] | None:
        """The inviter's tier upgrade: `from` (None: no tier) and `to`, by slug; None if there was none."""
        rise = self.invite.tier_upgrade
        return {"from": rise["from"], "to": rise["to"]} if rise else None


def complete_referral(
    session: Session,
    code: str,
    referee_user_id: str,
    order: Order,
    act: Act,
    *,
    rules: ReferralRules,
    earning: ledger.EarningRules,
) -> Completed:
    """Convert an invite, or a member's personal code, for a friend and credit both sides in this transaction.

    With a holding period both credits are put aside until it is over. A repeated call for the same friend and
    order changes nothing and returns the first result. A friend whose conversion was reversed because of its order may
    convert once more (CONTRACT-EARNING R11).

    :raises problems.ReferralNotFound: if nobody has this code.
    :raises UserNotFound: if there is no such friend.
    :raises problems.RefereeUnverified: if the friend has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises problems.AlreadyConverted, problems.ReferralExpired, problems.ReferralCancelled: if the invite is closed.
    :raises problems.AlreadyReferred: if the friend was converted before, or registered through someone else's invite.
    :raises problems.AlreadyReversed: if this order's conversion was reversed, and nothing says that it stands.
    :raises problems.SelfReferral: if both sides are one person (CONTRACT rule 10).
    :raises problems.OrderTooSmall, InvalidInput: if the order is below the minimum, or its amount is missing.

    Also raises everything that `demand_may_convert` raises.
    """
    target = find_code(session, code)
    if target is None:
        raise problems.ReferralNotFound
    refuse_one_person(*_both_sides(session, target.member_id, referee_user_id))
    friend = enrol(session, referee_user_id)
    lock_members(session, {target.member_id, friend.id})
    before = _referrals_of(session, referee_user_id)
    if before.converted is not None and _is_again(before.converted, target, order):
        return Completed(before.converted, get_first_credits(session, before.converted, friend.id, earning))
    _demand_order(order, before.taken_back, rules)
    sides = read_sides(session, target.member_id, friend.id)
    invite = _choose_invite(session, target, before, sides, act.now, rules)
    again = before.taken_back is not None and before.taken_back.member_id == invite.member_id
    allowed = demand_may_convert(session, sides, invite, order, act.now, rules, again=again)
    _convert(session, invite, sides, order, allowed, act.now, rules)
    audit.record(
        session,
        act,
        action="referral.complete",
        object_type="referral",
        object_id=ids.encode(invite.id),
        after={"referee": referee_user_id, "code": invite.code, "signals": invite.signals},
    )
    return Completed(invite, _credit(session, invite, friend.id, act.now, rules, earning))


def refuse_one_person(referrer: User, referee: User) -> None:
    """Refuse a referral of someone to themselves.

    :raises problems.SelfReferral: if both have one account, or one normalised address (CONTRACT rule 10).
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


def _is_again(converted: ReferralInvite, target: Target, order: Order) -> bool:
    """Whether this repeats the call that converted the friend: a code of the same member, and the same order."""
    same_order = order.reference is not None and order.reference == converted.order_reference
    return same_order and converted.member_id == target.member_id and converted.status == InviteStatus.CONVERTED


def _demand_order(order: Order, taken_back: ReferralInvite | None, rules: ReferralRules) -> None:
    if taken_back is not None and order.reference == taken_back.order_reference and not order.stands:
        raise problems.AlreadyReversed(taken_back.id, taken_back.order_reference)
    if rules.minimum_order == 0:
        return
    if order.amount is None:
        raise InvalidInput(("orderAmount", "is needed, because the programme asks for a minimum order"))
    if order.amount < rules.minimum_order:
        raise problems.OrderTooSmall(rules.minimum_order)


def _choose_invite(
    session: Session,
    target: Target,
    before: Before,
    sides: Sides,
    now: datetime,
    rules: ReferralRules,
) -> ReferralInvite:
    """The open invite to convert: the code's own, or the one the friend registered through, else a new one.

    An invite that somebody else registered through stays theirs, and one whose conversion of this friend was reversed
    stays as it is; the friend then gets a new one.
    """
    bound, converted, taken_back = before
    key = (target.member_id, target.invite_id)
    named = session.get(ReferralInvite, key, populate_existing=True) if target.invite_id else None
    if named is not None and _was_theirs(named, sides.referee.id):
        named = None
    if bound is not None and effective_status(bound, now) not in OPEN:
        bound = None
    usable = named is not None and named.attributed_user_id in (None, sides.referee.id)
    if bound is not None and bound.member_id == target.member_id and not usable:
        named, usable = bound, True
    if named is not None:
        _demand_open(named, now)
    if converted is not None:
        raise problems.AlreadyReferred(converted.id, converted.order_reference)
    if bound is not None and bound.member_id != target.member_id:
        detail = "They registered through another invite."
        raise problems.AlreadyReferred(bound.id, None, detail=detail, code=bound.code)
    if named is not None and usable:
        return named
    invite = insert_bound_invite(session, target, None, now=now, rules=rules)
    if taken_back is not None and taken_back.member_id == target.member_id:
        invite.reward_points, invite.welcome_points = taken_back.reward_points, taken_back.welcome_points
        invite.shared_code = taken_back.shared_code or taken_back.code
        session.flush()
    return invite


def _was_theirs(invite: ReferralInvite, referee_id: str) -> bool:
    """Whether this friend's conversion by this invite was reversed because of its order."""
    return invite.status == InviteStatus.REVERSED and invite.referee_user_id == referee_id and not invite.voided


def _demand_open(invite: ReferralInvite, now: datetime) -> None:
    status = effective_status(invite, now)
    if status in (InviteStatus.CONVERTED, InviteStatus.REVERSED):
        raise problems.AlreadyConverted(invite.id, invite.order_reference)
    if status not in OPEN:
        raise problems.ReferralExpired if status == InviteStatus.EXPIRED else problems.ReferralCancelled


def _referrals_of(session: Session, referee_id: str) -> Before:
    """The friend's referrals so far; the caller holds the friend's row lock."""
    mine = (ReferralInvite.attributed_user_id == referee_id) | (ReferralInvite.referee_user_id == referee_id)
    newest_first = select(ReferralInvite).where(mine).order_by(ReferralInvite.converted_at.desc().nulls_last())
    found = session.scalars(newest_first.execution_options(populate_existing=True)).all()
    bound = next((invite for invite in found if invite.attributed_user_id == referee_id), None)
    theirs = [invite for invite in found if invite.referee_user_id == referee_id]
    standing = next((invite for invite in theirs if not _was_theirs(invite, referee_id)), None)
    return Before(bound, standing, next((invite for invite in theirs if _was_theirs(invite, referee_id)), None))


def _convert(
    session: Session,
    invite: ReferralInvite,
    sides: Sides,
    order: Order,
    allowed: list[str],
    now: datetime,
    rules: ReferralRules,
) -> None:
    found = find_signals(session, invite, sides.referrer, sides.referee, now) + allowed
    values = {
        "status": InviteStatus.CONVERTED,
        "converted_at": now,
        "referee_user_id": sides.referee.id,
        "order_reference": order.reference,
        "signals": found,
    }
    changed = session.execute(
        update(ReferralInvite)
        .where(ReferralInvite.member_id == invite.member_id, ReferralInvite.id == invite.id, still_open(now))
        .values(values)
        .returning(ReferralInvite.id)
        .execution_options(synchronize_session=False)
    ).first()
    if changed is None:
        raise problems.AlreadyConverted(invite.id, invite.order_reference)
    session.refresh(invite)
    note_activity(session, invite.member_id, opened=-1, active_at=now)


def _credit(
    session: Session,
    invite: ReferralInvite,
    friend_id: UUID,
    now: datetime,
    rules: ReferralRules,
    earning: ledger.EarningRules,
) -> list[ledger.Entry]:
    """Credit both sides, now or after the holding period; stores the inviter's tier upgrade now in the invite."""
    if rules.holding:
        put_both_aside(session, invite, friend_id, now, rules.holding, earning)
        return []
    posted = credit_both(session, invite, friend_id, now, earning)
    mine = next((upgrade for upgrade in posted.upgrades if upgrade.member_id == invite.member_id), None)
    if mine is not None:
        invite.tier_upgrade = {"from": mine.from_slug, "to": mine.to_slug}
        session.flush()
    return posted.entries
