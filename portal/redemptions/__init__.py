"""Holds on points and how they end."""

from portal.redemptions.lifecycle import (
    HoldRules,
    NotPending,
    RedemptionNotFound,
    Wish,
    cancel_stale_holds,
    fulfill_redemption,
    release_redemption,
    reserve_points,
    retry_redemption,
)
from portal.redemptions.models import Redemption, RedemptionStatus

__all__ = [
    "HoldRules",
    "NotPending",
    "Redemption",
    "RedemptionNotFound",
    "RedemptionStatus",
    "Wish",
    "cancel_stale_holds",
    "fulfill_redemption",
    "release_redemption",
    "reserve_points",
    "retry_redemption",
]
