"""Who may invite, and whose conversion counts: the only place where this is decided.

`demand_may_invite` decides for invites, `may_refer` for codes, links and credits, `demand_may_convert` for conversions.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.accounts import User
from portal.members import Member, MemberSuspended, lock_member_of_user
from portal.referrals import problems
from portal.referrals.models import InviteStatus, ReferralInvite
from portal.referrals.rules import ReferralRules
from portal.tiers import enrol

DAY = timedelta(hours=24)
MAX_CIRCLE_LENGTH = 100

# A circle is only possible if the member was referred and the friend has referred somebody. Only then is it checked,
# and one check at a time.
_MAY_CLOSE = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('referral circles', 0))
    WHERE EXISTS (SELECT FROM loyalty_referral_invites WHERE referee_user_id = :referrer AND status = 'converted')
      AND EXISTS (SELECT FROM loyalty_referral_invites WHERE member_id = :friend_id AND status = 'converted')
""")
_CLOSES = text("""
    WITH RECURSIVE up AS (
        SELECT i.member_id, 1 AS steps FROM loyalty_referral_invites i
        WHERE i.referee_user_id = :referrer AND i.status = 'converted'
        UNION ALL
        SELECT i.member_id, up.steps + 1 FROM up
        JOIN loyalty_members m ON m.id = up.member_id
        JOIN loyalty_referral_invites i ON i.referee_user_id = m.user_id AND i.status = 'converted'
        WHERE up.steps < :longest AND up.member_id <> :friend_id
    )
    SELECT EXISTS (SELECT FROM up WHERE member_id = :friend_id)
""")

# An order counts, by when it was placed, until all that it earned was reversed, whether or not that could be taken;
# what waits of it counts too.
_ORDERED = text("""
    SELECT EXISTS (
        SELECT FROM (
            SELECT source, external_id, metadata, qualifies_at, NULL::bigint AS waiting FROM loyalty_ledger_entries
            WHERE member_id = :friend_id AND entry_type = 'order'
            UNION ALL
            SELECT source, external_id, metadata, qualifies_at, points FROM loyalty_pending_credits
            WHERE member_id = :friend_id AND entry_type = 'order' AND activated_at IS NULL AND points > 0) o
        WHERE (CAST(:before AS timestamptz) IS NULL OR o.qualifies_at < :before)
          AND NOT coalesce(CAST(:reference AS text) IN (
                o.external_id, o.metadata ->> 'order_reference', o.metadata ->> 'orderReference'), false)
          AND coalesce(o.waiting, (
                SELECT sum(s.amount - coalesce((s.metadata -> 'takes' ->> 'expired')::bigint, 0)
                                    - coalesce((s.metadata -> 'takes' ->> 'owed')::bigint, 0)
                                    - coalesce((s.metadata -> 'takes' ->> 'writtenOff')::bigint, 0))
                FROM loyalty_ledger_entries s
                WHERE s.member_id = :friend_id AND s.source = o.source AND s.external_id = o.external_id
                  AND s.entry_type IN ('order', 'reversal'))) > 0)
""")


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a conversion, as they are under their row locks."""

    referrer: User
    member: Member
    referee: User
    friend: Member


@dataclass(frozen=True, slots=True)
class Order:
    """The order that completes a referral; `amount` is in the currency's smallest unit, None if unknown.

    `at_registration`: there is no order, the friend has only registered. `stands`: the portal itself has judged that
    something of the order remains.
    """

    reference: str | None = None
    amount: int | None = None
    at_registration: bool = False
    stands: bool = False


def read_sides(session: Session, member_id: UUID, friend_id: UUID) -> Sides:
    """Both sides as they are now; the caller holds both members' row locks."""
    both = select(Member, User).join(User, User.id == Member.user_id).where(Member.id.in_([member_id, friend_id]))
    rows = session.execute(both.execution_options(populate_existing=True))
    found = {member.id: (member, user) for member, user in rows}
    (member, referrer), (friend, referee) = found[member_id], found[friend_id]
    return Sides(referrer, member, referee, friend)


def demand_may_invite(session: Session, user_id: str) -> tuple[Member, User]:
    """The membership and account of someone who may invite, with the membership's row locked; enrols them if needed.

    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises problems.AddressUnverified: if the member has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises MemberSuspended: if the membership is suspended or the account closed.
    """
    member = lock_member_of_user(session, user_id)
    if member is None:
        enrol(session, user_id)
        member = lock_member_of_user(session, user_id)
        assert member is not None
    user = session.get_one(User, user_id, populate_existing=True)
    if user.email_verified_at is None:
        raise problems.AddressUnverified
    if not may_refer(member, user):
        raise MemberSuspended
    return member, user


def may_refer(member: Member, user: User) -> bool:
    """Whether this member may refer and be credited for it: address confirmed, neither suspended nor disabled."""
    return member.status == "active" and user.disabled_at is None and user.email_verified_at is not None


# `may_refer` as SQL over a member `m`.
MAY_REFER = """
    m.status = 'active'
    AND EXISTS (
        SELECT FROM users u WHERE u.id = m.user_id AND u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL)
"""


def demand_may_convert(
    session: Session,
    sides: Sides,
    invite: ReferralInvite,
    order: Order,
    now: datetime,
    rules: ReferralRules,
    *,
    again: bool = False,
) -> list[str]:
    """Refuse a conversion that the programme forbids; returns as review signals what it tolerates.

    `again`: the member has brought this friend before, and that was reversed because of its order (R11); the friend was
    new then. The caller holds both members' row locks.

    :raises problems.ReferralCancelled: if the inviter is suspended or closed (CONTRACT R12), or unconfirmed.
    :raises problems.RefereeUnverified: if the friend has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises MemberSuspended: if the friend is suspended.
    :raises problems.DailyLimit: if there is no order, and the member has the day's maximum of conversions.
    :raises problems.RefereeNotNew: if the friend has ordered before and only new customers count.
    :raises problems.ReferralCircle: if the friend referred the member, directly or through others, and circles are not
        allowed.
    """
    if sides.referrer.email_verified_at is None:
        raise problems.ReferralCancelled("Who invited has not confirmed their address.")
    if sides.referee.email_verified_at is None:
        raise problems.RefereeUnverified
    if not may_refer(sides.member, sides.referrer):
        raise problems.ReferralCancelled("Who invited is suspended, so that their codes bring no friends.")
    if not may_refer(sides.friend, sides.referee):
        raise MemberSuspended("The friend is suspended.")
    if order.at_registration:
        _demand_room_today(session, sides.member.id, now, rules)
    return _refuse_or_signal(session, sides, invite, order, rules, again=again)


def _refuse_or_signal(
    session: Session, sides: Sides, invite: ReferralInvite, order: Order, rules: ReferralRules, *, again: bool
) -> list[str]:
    signals = []
    if not again and _has_ordered(session, sides.member, sides.friend, invite, order.reference):
        if rules.new_customers_only:
            raise problems.RefereeNotNew
        signals.append("ordered_before")
    if _closes_a_circle(session, sides):
        if not rules.circles:
            raise problems.ReferralCircle
        signals.append("circle")
    return signals


def _demand_room_today(session: Session, member_id: UUID, now: datetime, rules: ReferralRules) -> None:
    mine = (ReferralInvite.member_id == member_id) & (ReferralInvite.status == InviteStatus.CONVERTED)
    recent = select(func.count()).where(mine, ReferralInvite.converted_at > now - DAY)
    if (session.scalar(recent) or 0) >= rules.daily_conversions:
        raise problems.DailyLimit(rules.daily_conversions)


def _closes_a_circle(session: Session, sides: Sides) -> bool:
    values = {"referrer": sides.referrer.id, "friend_id": sides.friend.id, "longest": MAX_CIRCLE_LENGTH}
    if session.execute(_MAY_CLOSE, values).first() is None:
        return False
    return bool(session.scalar(_CLOSES, values))


def _has_ordered(
    session: Session, member: Member, friend: Member, invite: ReferralInvite, reference: str | None
) -> bool:
    """Whether the friend has another order that counts, from before the invite; for a personal code, at any time."""
    before = None if invite.shared_code == member.referral_code else _made_at(session, invite)
    values = {"friend_id": friend.id, "before": before, "reference": reference}
    return bool(session.scalar(_ORDERED, values))


def _made_at(session: Session, invite: ReferralInvite) -> datetime:
    """When the invite that the friend followed was made; it may be one that somebody else registered through."""
    shared = select(ReferralInvite.created_at).where(ReferralInvite.code == invite.shared_code)
    followed = session.scalar(shared) if invite.shared_code is not None else None
    return followed or invite.created_at
