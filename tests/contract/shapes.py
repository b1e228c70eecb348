"""The shapes of CONTRACT 3, key by key, and the formats of CONTRACT 1."""

import re
from datetime import datetime, timedelta
from typing import Any

TIER = {"slug", "name", "threshold", "benefits", "position"}
REWARD = {
    "slug",
    "name",
    "description",
    "pointsCost",
    "inventoryRemaining",
    "minTier",
    "available",
    "perMemberLimit",
}
ENTRY = {"id", "occurredAt", "entryType", "amount", "balanceAfter", "description", "metadata"}
REDEMPTION = {
    "id",
    "status",
    "rewardSlug",
    "description",
    "pointsCost",
    "requestedAt",
    "fulfilledAt",
    "closedAt",
    "failureReason",
    "ledgerEntryId",
    "checkoutIntentId",
    "holdExpiresAt",
}
MEMBER = {
    "userId",
    "referralCode",
    "status",
    "joinedAt",
    "balance",
    "held",
    "available",
    "lifetimeEarned",
    "pending",
    "owed",
    "tier",
    "progress",
    "upcomingBenefits",
    "holds",
    "expiring",
    "expiringSoon",
    "streak",
}
MEMBER_TIER = {"slug", "name", "threshold", "benefits", "since"}
PROGRESS = {"nextTier", "qualifyingPoints", "pointsToNext", "percent"}
NEXT_TIER = {"slug", "name", "threshold"}
HOLD = {"redemptionId", "points", "rewardSlug", "heldAt", "expiresAt"}
EXPIRING = {"points", "expiresAt"}
STREAK = {"weeks", "nextBonus", "qualifiedThisWeek"}


def is_ulid(value: Any) -> bool:
    """26 characters of Crockford's base 32."""
    return isinstance(value, str) and bool(re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", value))


def is_time(value: Any) -> bool:
    """RFC 3339 in UTC, with its offset."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)", value):
        return False
    return datetime.fromisoformat(value).utcoffset() == timedelta(0)


def is_whole(value: Any) -> bool:
    """An integer that is no boolean."""
    return type(value) is int
