"""The points of converted invites: both sides in one batch, at once or when a holding period is over."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger import EntryType
from portal.members import Member, lock_members
from portal.platform import ids
from portal.platform.documents import Document
from portal.referrals.eligibility import of_two_in_good_standing
from portal.referrals.models import InviteStatus, ReferralInvite


def release_due_credits(session: Session, now: datetime, earning: ledger.EarningRules, limit: int = 500) -> int:
    """Post up to `limit` pending credits whose holding period is over; returns how many, 0 when none is left.

    While either side is suspended or closed, both credits wait (CONTRACT R12).
    """
    due = (
        (ReferralInvite.status == InviteStatus.CONVERTED)
        & ReferralInvite.credited_at.is_(None)
        & (ReferralInvite.credit_due_at <= now)
        & of_two_in_good_standing()
    )
    found = session.execute(
        select(ReferralInvite.id, ReferralInvite.member_id, Member.id.label("friend_id"))
        .join(Member, Member.user_id == ReferralInvite.referee_user_id)
        .where(due)
        .order_by(ReferralInvite.credit_due_at)
        .limit(limit)
    ).all()
    if not found:
        return 0
    lock_members(session, {row.member_id for row in found} | {row.friend_id for row in found})
    friends = {row.id: row.friend_id for row in found}
    invites = session.scalars(
        select(ReferralInvite).where(ReferralInvite.id.in_(friends), due).execution_options(populate_existing=True)
    ).all()
    credit_both(session, [(invite, friends[invite.id]) for invite in invites], now, earning)
    return len(found)


def credit_both(
    session: Session, pairs: Iterable[tuple[ReferralInvite, UUID]], now: datetime, earning: ledger.EarningRules
) -> ledger.Posted:
    """Post both sides of these conversions in one batch; the caller holds all members' row locks."""
    postings = []
    for invite, friend_id in pairs:
        invite.credited_at = now
        postings += _postings(invite, friend_id, now, earning)
    session.flush()
    return ledger.post(session, postings, now) if postings else ledger.Posted([], [])


def get_first_credits(
    session: Session, invite: ReferralInvite, friend_id: UUID, earning: ledger.EarningRules
) -> list[ledger.Entry]:
    """The entries that completing this invite posted at once, read by posting them again, which the ledger ignores.

    The caller holds both members' row locks.
    """
    if invite.credited_at is None or invite.credited_at != invite.converted_at:
        return []
    postings = _postings(invite, friend_id, invite.credited_at, earning)
    return ledger.post(session, postings, invite.credited_at).entries if postings else []


def _postings(
    invite: ReferralInvite, friend_id: UUID, now: datetime, earning: ledger.EarningRules
) -> list[ledger.Posting]:
    metadata: Document = {"referral_code": invite.code}
    if invite.shared_code is not None:
        metadata["shared_code"] = invite.shared_code
    sides = (
        (invite.member_id, invite.reward_points, EntryType.REFERRAL_BONUS, "referrer"),
        (friend_id, invite.welcome_points, EntryType.REFERRAL_WELCOME, "referee"),
    )
    return [
        ledger.credit(
            member_id,
            points,
            entry_type,
            source="referral",
            external_id=ids.encode(invite.id),
            effect=effect,
            metadata=metadata,
            rules=earning,
            at=now,
        )
        for member_id, points, entry_type, effect in sides
        if points
    ]
