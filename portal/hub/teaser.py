"""What the hub says of a member's referrals."""

from sqlalchemy import text

from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.settings import current_settings
from portal.referrals import ReferralRules

_JOINED = text("""
    SELECT count(i.id) AS friends, coalesce(sum(i.reward_points) FILTER (WHERE i.credited_at IS NOT NULL), 0)::bigint
           AS earned
    FROM loyalty_members m
    LEFT JOIN loyalty_referral_invites i ON i.member_id = m.id AND i.status = 'converted'
    WHERE m.user_id = :user_id
""")


def get_invite_teaser(member: Document) -> Document:
    """The link of a member (a Member document), how many friends have joined, and what that has earned."""
    joined = read_one(_JOINED, {"user_id": member["userId"]})
    link = ReferralRules.of(current_settings()).link(member["referralCode"])
    return {"url": link, "friends": joined.friends if joined else 0, "earned": joined.earned if joined else 0}
