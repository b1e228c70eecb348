"""What the hub tells a member beside their points: what inviting has brought, and a tier that has ended."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from portal.platform import clock
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.settings import current_settings
from portal.referrals import EARNED, ReferralRules

TOLD_FOR = timedelta(days=60)

# What inviting has brought, and the latest change of tier, if that has taken one back not long ago.
_BESIDE = text(f"""
    SELECT (SELECT count(*) FROM loyalty_referral_invites WHERE member_id = m.id AND status = 'converted') AS friends,
           {EARNED} AS earned, t.name AS ended_tier, t.changed_at AS ended_at
    FROM loyalty_members m
    LEFT JOIN LATERAL (
        SELECT f.name, c.changed_at
        FROM (SELECT from_tier_id, reason, changed_at FROM loyalty_tier_changes WHERE member_id = m.id
              ORDER BY id DESC LIMIT 1) c
        JOIN loyalty_tiers f ON f.id = c.from_tier_id
        WHERE c.reason = 'unearned' AND c.changed_at > :since) t ON true
    WHERE m.user_id = :user_id
""")


class BesideRow(NamedTuple):
    """How many friends were converted and the points kept for them; `ended_*` None: no tier has ended lately."""

    friends: int
    earned: int
    ended_tier: str | None
    ended_at: datetime | None


def get_beside(member: Document) -> Document:
    """What the hub tells a member (a Member document) besides: `invite` is their link, how many friends were converted
    and the points for them; `ended` is a tier that was taken back within `TOLD_FOR`, and when (None: none was)."""
    values = {"user_id": member["userId"], "since": clock.now() - TOLD_FOR}
    row = read_one(_BESIDE, values, BesideRow) or BesideRow(0, 0, None, None)
    link = ReferralRules.of(current_settings()).link(member["referralCode"])
    return {
        "invite": {"url": link, "friends": row.friends, "earned": row.earned},
        "ended": {"tier": row.ended_tier, "at": row.ended_at} if row.ended_tier else None,
    }
