"""What came of an invite, in the shop's words."""

from collections.abc import Sequence

from portal.ledger import EntryType, ExplainedRow, Explanation
from portal.platform.formatting import grouped
from portal.platform.problems import DomainError
from portal.referrals.converting.credits import REFEREE, REFERRER
from portal.referrals.converting.reversal import Cause, SidePreview
from portal.referrals.models import Channel, InviteStatus, ReferralInvite
from portal.referrals.problems import SenderNamesSite

_WHY_BACK = {
    (Cause.VOIDED, REFERRER): "the shop has voided the referral",
    (Cause.VOIDED, REFEREE): "the shop has voided the referral that you joined by",
    (Cause.ORDER, REFERRER): "the order of a friend was given back, who joined",
    (Cause.ORDER, REFEREE): "the order that your welcome was for was given back. Your next one can bring it again",
}
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


def tell_void(sides: Sequence[SidePreview]) -> str:
    """What a void would do to both sides, for the operator who is asked."""
    if not sides:
        return "Only a referral that has converted, and was not taken back, can be voided."
    told = " ".join(_tell_side(side) for side in sides)
    return f"{told} The friend never converts again; other invites stay as they are."


def _tell_side(side: SidePreview) -> str:
    parts = [f"{side.name or side.user_id}: {grouped(side.before)} → {grouped(side.after)} points"]
    parts += [f"{grouped(side.pending)} pending are dropped"] if side.pending else []
    parts += [f"{grouped(side.owed)} are owed"] if side.owed else []
    return f"{', '.join(parts)}."


def explain_entry(row: ExplainedRow) -> Explanation | None:
    """Why the points of a referral were taken back, for either side; None for its credits."""
    if row.entry_type != EntryType.REVERSAL:
        return None
    amount, owed = abs(row.amount), row.metadata["takes"].get("owed", 0)
    points = f"{grouped(amount)} {'point' if amount == 1 else 'points'} taken back{_also_owed(owed)}"
    return Explanation(f"{points}: {_WHY_BACK[row.metadata['cause'], row.metadata['reverses']]}{_of_code(row)}.")


def _also_owed(owed: int) -> str:
    return f", and {grouped(owed)} more that were no longer there" if owed else ""


def _of_code(row: ExplainedRow) -> str:
    """The code of an inviter's own invite; the friend has never seen the code of an invite made for them alone."""
    return f" with your code {row.metadata['referral_code']}" if row.metadata["reverses"] == REFERRER else ""


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
