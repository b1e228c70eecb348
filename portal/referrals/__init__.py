"""Invites, attribution and conversion."""

from portal.referrals.codes import find_code
from portal.referrals.converting.completion import Completed, complete_referral
from portal.referrals.converting.eligibility import MAY_REFER, Order
from portal.referrals.converting.reversal import Conversion, TakenBack, claw_back
from portal.referrals.invites import Invitation, issue_invite, send_again
from portal.referrals.models import EFFECTIVE_STATUS, OPEN, STILL_OPEN, Channel, InviteStatus, ReferralInvite
from portal.referrals.reads import EARNED, get_referral
from portal.referrals.rules import ReferralRules
from portal.referrals.segments import Segment, get_segments
from portal.referrals.standing import effective_status, expire_invites

__all__ = [
    "EARNED",
    "EFFECTIVE_STATUS",
    "MAY_REFER",
    "OPEN",
    "STILL_OPEN",
    "Channel",
    "Completed",
    "Conversion",
    "Invitation",
    "InviteStatus",
    "Order",
    "ReferralInvite",
    "ReferralRules",
    "Segment",
    "TakenBack",
    "claw_back",
    "complete_referral",
    "effective_status",
    "expire_invites",
    "find_code",
    "get_referral",
    "get_segments",
    "issue_invite",
    "send_again",
]
