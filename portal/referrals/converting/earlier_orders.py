"""Whether a friend is a new customer: what they have ordered before, as far as it stands (CONTRACT-EARNING 8.2)."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.members import Member
from portal.referrals.models import ReferralInvite

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


def has_ordered(
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
