"""The timeline in the shop's words."""

import re
from dataclasses import dataclass
from typing import Any

from portal.core.formatting import grouped
from portal.ledger.models import EntryType

CHANGES = {
    EntryType.ORDER: "Points for your order",
    EntryType.REFERRAL_BONUS: "A friend you invited joined",
    EntryType.REFERRAL_WELCOME: "Welcome gift",
    EntryType.STREAK_BONUS: "Bonus for shopping week after week",
    EntryType.REDEMPTION: "Redeemed",
    EntryType.EXPIRATION: "Points ran out of time",
    EntryType.ADJUSTMENT: "Corrected by the shop",
    EntryType.REVERSAL: "Order corrected",
}
_DETAILED = (EntryType.ORDER, EntryType.ADJUSTMENT, EntryType.REVERSAL)
_ENDINGS = {
    "requested": "Your {points} points are on hold until the shop confirms.",
    "fulfilled": "The shop has confirmed it. It took {points} points.",
    "failed": "It did not work out.",
    "cancelled": "It was cancelled.",
}
_RELEASED = "Your {points} points are back."
# Reasons that the portal gives itself; those that people wrote are shown as they are.
_REASONS = {
    "cancelled_by_member": "You cancelled it.",
    "hold_expired": "It waited too long for the shop.",
    "checkout_intent_cancelled": "You took it out of your order.",
}
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_INVITES = {
    "draft": "An invite for {friend} is ready",
    "sent": "You invited {friend}",
    "converted": "{friend} joined",
    "cancelled": "You took back the invite for {friend}",
    "expired": "The invite for {friend} ran out",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and what there is to add, which may be nothing."""

    title: str
    detail: str = ""


def describe(row: Any) -> Words:
    """The words for a row of the timeline."""
    return _DESCRIBE[row.kind](row)


def _change(row: Any) -> Words:
    title = CHANGES[EntryType(row.state)]
    if row.state == EntryType.REDEMPTION:
        return Words(f"{title}: {row.what}")
    return Words(title, row.what if row.state in _DETAILED else "")


def _redemption(row: Any) -> Words:
    why, ending = _reason(row.reason), _ENDINGS[row.state].format(points=grouped(row.points))
    if row.state in ("failed", "cancelled"):
        ending = f"{why or ending} {_RELEASED.format(points=grouped(row.points))}"
    return Words(f"You asked for {row.what}", ending)


def _reason(reason: str | None) -> str:
    """Why a redemption did not come about, as a sentence; nothing where only a code is known."""
    if not reason or reason in _REASONS or _CODE.fullmatch(reason):
        return _REASONS.get(reason or "", "")
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _invite(row: Any) -> Words:
    title = _INVITES[row.state].format(friend=row.what or "a friend")
    detail = ""
    if row.state == "converted" and row.points:
        detail = "You got {points} points for it." if row.settled_at else "Your {points} points for it arrive soon."
    elif row.state in ("draft", "sent") and row.points:
        detail = "You get {points} points when they join in."
    return Words(title[0].upper() + title[1:], detail.format(points=grouped(row.points)))


_DESCRIBE = {"ledger": _change, "redemption": _redemption, "referral": _invite}
