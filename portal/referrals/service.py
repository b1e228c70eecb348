"""What pages, the API, jobs and other domains ask of referrals."""

from portal.referrals.activity import note_device
from portal.referrals.attribution import Landing, attribute_registration, get_landing
from portal.referrals.closing import cancel_invite, expire_invites
from portal.referrals.completion import Completed, complete_referral
from portal.referrals.credits import release_due_credits
from portal.referrals.eligibility import Order
from portal.referrals.invites import INVITE_TOPIC, Invitation, create_invite, issue_invite, send_again
from portal.referrals.rules import ReferralRules
from portal.referrals.segments import Segment, get_segment_of, get_segments

__all__ = [
    "INVITE_TOPIC",
    "Completed",
    "Invitation",
    "Landing",
    "Order",
    "ReferralRules",
    "Segment",
    "attribute_registration",
    "cancel_invite",
    "complete_referral",
    "create_invite",
    "expire_invites",
    "get_landing",
    "get_segment_of",
    "get_segments",
    "issue_invite",
    "note_device",
    "release_due_credits",
    "send_again",
]
