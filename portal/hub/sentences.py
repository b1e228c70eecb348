"""The result of an act on the hub, and what a refusal means for the member's points, in the shop's words."""

from portal.platform.formatting import grouped
from portal.platform.problems import DomainError

SENTENCES = {
    "insufficient_points": "You no longer have enough points for this. Nothing was taken.",
    "reward_out_of_stock": "Someone was faster: the last one has gone. Your points are untouched.",
    "price_changed": "The price has changed. Have a look at it first: nothing was taken.",
    "reward_limit_reached": "You have had this one as often as each member can. Your points are untouched.",
    "tier_required": "This reward opens at a higher tier. Your points are untouched.",
    "reward_not_found": "The shop no longer offers this reward. Your points are untouched.",
    "member_suspended": "Your membership is paused. Please ask the shop. Your points are untouched.",
    "intent_cancelled": "This was cancelled at the checkout. Your points are untouched.",
    "intent_expired": "This reminder has run out. You can still pick the reward from your rewards.",
    "intent_not_found": "This reminder is gone. You can still pick the reward from your rewards.",
    "redemption_not_retryable": "This was asked for again already, or needs no second try. Your points are untouched.",
    "redemption_not_pending": "The shop was faster: this request is closed already.",
}


def sentence(error: DomainError) -> str:
    """The sentence for this failure; failures without one of their own keep their detail."""
    return SENTENCES.get(error.code, error.detail)


def asked_again(what: str, points: int) -> str:
    """What became of a redemption that was asked for again."""
    return f"We have asked for {what} again. Your {grouped(points)} points are on hold until the shop confirms."
