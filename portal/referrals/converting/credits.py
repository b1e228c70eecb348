"""The points of converted invites: both sides in one batch, at once or after a holding period."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger import EntryType
from portal.platform import ids
from portal.platform.documents import Document
from portal.referrals.models import ReferralInvite

SOURCE = "referral"
REFERRER, REFEREE = "referrer", "referee"


def credit_both(
    session: Session, invite: ReferralInvite, friend_id: UUID, now: datetime, earning: ledger.EarningRules
) -> ledger.Posted:
    """Post both sides of a conversion in one batch; the caller holds both members' row locks."""
    postings = _postings(invite, friend_id, now, earning)
    return ledger.post(session, postings, now) if postings else ledger.Posted([], [])


def put_both_aside(
    session: Session,
    invite: ReferralInvite,
    friend_id: UUID,
    now: datetime,
    holding: timedelta,
    earning: ledger.EarningRules,
) -> None:
    """Let both sides of a conversion wait for the holding period; the caller holds both members' row locks.

    They count for tiers and streaks by the date of the conversion, as an order's do (CONTRACT-EARNING 8.4).
    """
    waiting = [
        ledger.PendingCredit(
            side.member_id,
            side.amount,
            side.entry_type,
            side.source,
            side.external_id,
            side.effect,
            activates_at=now + holding,
            qualifies_at=now,
            week=side.week,
            expiry_months=earning.expire_after_months,
            metadata=side.metadata,
        )
        for side in _postings(invite, friend_id, now, earning)
    ]
    ledger.put_aside(session, waiting, now)


def get_first_credits(
    session: Session, invite: ReferralInvite, friend_id: UUID, earning: ledger.EarningRules
) -> list[ledger.Entry]:
    """The entries that completing this invite posted at once, read by posting them again, which the ledger ignores.

    The caller holds both members' row locks.
    """
    assert invite.converted_at is not None
    if ledger.is_put_aside(session, SOURCE, ids.encode(invite.id)):
        return []
    return credit_both(session, invite, friend_id, invite.converted_at, earning).entries


def _postings(
    invite: ReferralInvite, friend_id: UUID, now: datetime, earning: ledger.EarningRules
) -> list[ledger.Posting]:
    metadata: Document = {"referral_code": invite.code}
    if invite.shared_code is not None:
        metadata["shared_code"] = invite.shared_code
    sides = (
        (invite.member_id, invite.reward_points, EntryType.REFERRAL_BONUS, REFERRER),
        (friend_id, invite.welcome_points, EntryType.REFERRAL_WELCOME, REFEREE),
    )
    return [
        ledger.credit(
            member_id,
            points,
            entry_type,
            source=SOURCE,
            external_id=ids.encode(invite.id),
            effect=effect,
            metadata=metadata,
            rules=earning,
            at=now,
        )
        for member_id, points, entry_type, effect in sides
        if points
    ]
