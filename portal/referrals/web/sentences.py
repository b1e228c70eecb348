"""What came of an invite, in the shop's words."""

from portal.platform.problems import DomainError
from portal.referrals.models import Channel, InviteStatus, ReferralInvite
from portal.referrals.problems import SenderNamesSite

SENTENCES = {
    "invite_quota_exceeded": "You have as many open invites as there can be. Wait for a friend to join, or cancel one: "
    "a day after it was sent, that makes room.",
    "recipient_limit": "They were invited not long ago. Share your link with them instead.",
    "invite_daily_cap": "No more invites can go out today. Share your link, or try again tomorrow.",
    "invite_cooldown": "That was quick! Your next invite can go out in a moment.",
    "self_referral": "That is your own address. Invite someone else, and you both get points.",
    "address_unverified": "Confirm your address first. Then you can invite friends.",
    "member_suspended": "Your membership is paused. Please ask the shop.",
    "referral_not_cancellable": "This invite is closed already, so there was nothing to cancel.",
}


def refusal(error: DomainError) -> str:
    """The sentence for this failure; failures without one of their own keep their detail."""
    if isinstance(error, SenderNamesSite):
        return "Your own name looks like a web address, so we cannot send it to a friend. Share your link instead."
    return SENTENCES.get(error.code, error.detail)


def made(invite: ReferralInvite) -> str:
    """What to say of a new invite."""
    if invite.status == InviteStatus.DRAFT:
        return "We could not send this one: they asked for no invites from us. You can still share the link yourself."
    if invite.channel == Channel.LINK:
        return "Your link is ready. Share it from the list below."
    return f"Your invite to {invite.invitee_name or invite.invitee_email or invite.invitee_phone} is on its way."
