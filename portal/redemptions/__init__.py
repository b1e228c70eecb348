"""Holds on points and how they end, and refunds of what was fulfilled."""

from portal.redemptions.lifecycle import (
    HoldRules,
    NotPending,
    RedemptionNotFound,
    Wish,
    cancel_stale_holds,
    fulfill_redemption,
    list_redemptions_of,
    lock_redemption,
    release_redemption,
    reserve_points,
    retry_redemption,
)
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.redemptions.refunds import RestoreRules, plan_part, refund_redemption, restore_part, retake_part

__all__ = [
    "HoldRules",
    "NotPending",
    "Redemption",
    "RedemptionNotFound",
    "RedemptionStatus",
    "RestoreRules",
    "Wish",
    "cancel_stale_holds",
    "fulfill_redemption",
    "list_redemptions_of",
    "lock_redemption",
    "plan_part",
    "refund_redemption",
    "release_redemption",
    "reserve_points",
    "restore_part",
    "retake_part",
    "retry_redemption",
]
