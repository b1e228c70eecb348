"""The member's history in the shop's words."""

from typing import Any

from portal.ledger.queries import list_entries

TITLES = {
    "order": "Points for your order",
    "referral_bonus": "A friend you invited joined",
    "referral_welcome": "Welcome gift",
    "streak_bonus": "Bonus for shopping week after week",
    "redemption": "Reward",
    "expiration": "Points ran out of time",
    "adjustment": "Corrected by the shop",
    "reversal": "Order corrected",
}
DETAILED = ("order", "redemption", "adjustment", "reversal")


def list_history(user_id: str, cursor: str | None = None, limit: int = 10) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the history, newest first, and the cursor of the next.

    :raises portal.core.cursors.InvalidCursor: the cursor is not of this list.
    """
    page = list_entries(user_id, limit=limit, cursor=cursor)
    return [_item(entry) for entry in page["entries"]], page["nextCursor"]


def _item(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "kind": "ledger",
        "occurred_at": entry["occurredAt"],
        "title": TITLES[entry["entryType"]],
        "detail": entry["description"] if entry["entryType"] in DETAILED else "",
        "points": entry["amount"],
        "status": None,
    }
