"""The reward catalogue."""

from portal.rewards.catalogue import (
    LimitReached,
    PriceChanged,
    RewardNotFound,
    TierRequired,
    give_back,
    is_offered,
    put_reward,
    take_again,
    take_reward,
)
from portal.rewards.models import Reward

__all__ = [
    "LimitReached",
    "PriceChanged",
    "Reward",
    "RewardNotFound",
    "TierRequired",
    "give_back",
    "is_offered",
    "put_reward",
    "take_again",
    "take_reward",
]
