"""What a refusal means for a member and their points, in the shop's words."""

from portal.core.problems import DomainError

SENTENCES = {
    "insufficient_points": "You no longer have enough points for this. Nothing was taken.",
    "reward_out_of_stock": "Someone was faster: the last one has gone. Your points are untouched.",
    "reward_limit_reached": "You have had this one as often as each member can. Your points are untouched.",
    "tier_required": "This reward opens at a higher tier. Your points are untouched.",
    "reward_not_found": "The shop no longer offers this reward. Your points are untouched.",
    "member_suspended": "Your membership is paused. Please ask the shop. Your points are untouched.",
    "redemption_not_pending": "The shop was faster: this request is closed already.",
}


def sentence(error: DomainError) -> str:
    """The sentence for this failure; failures without one of their own keep their detail."""
    return SENTENCES.get(error.code, error.detail)
