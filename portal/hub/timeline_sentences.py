"""The timeline in the shop's words."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from portal import ledger
from portal.platform.documents import Document
from portal.platform.formatting import grouped
from portal.redemptions import RedemptionStatus
from portal.referrals import InviteStatus

_ENDINGS: dict[str, str] = {
    RedemptionStatus.REQUESTED: "Your {points} points are on hold until the shop confirms.",
    RedemptionStatus.FULFILLED: "The shop has confirmed it. It took {points} points.",
    RedemptionStatus.FAILED: "It did not work out.",
    RedemptionStatus.CANCELLED: "It was cancelled.",
    RedemptionStatus.REFUNDED: "The shop took it back. Your {points} points are back.",
}
_RELEASED = "Your {points} points are back."
# Reasons that the portal itself sets; those that people wrote are shown as they are.
_REASONS = {
    "cancelled_by_member": "You cancelled it.",
    "hold_expired": "It waited too long for the shop.",
    "checkout_intent_cancelled": "You took it out of your order.",
}
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_INVITES: dict[str, str] = {
    InviteStatus.DRAFT: "An invite for {friend} is ready",
    InviteStatus.SENT: "You invited {friend}",
    InviteStatus.CONVERTED: "{friend} joined",
    InviteStatus.CANCELLED: "You took back the invite for {friend}",
    InviteStatus.EXPIRED: "The invite for {friend} ran out",
    InviteStatus.REVERSED: "{friend} joined, which no longer counts",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and further detail, which may be empty."""

    title: str
    detail: str = ""


class EventRow(NamedTuple):
    """An event of one source: its `kind`, state, subject, and position among the others.

    `seq` orders ledger events; it is 0 for other sources.
    """

    kind: str
    occurred_at: datetime
    seq: int
    id: UUID
    state: str
    points: int
    what: str | None
    facts: Document
    reason: str | None
    settled_at: datetime | None
    can_retry: bool


def describe(row: EventRow) -> Words:
    """The texts for a row of the timeline."""
    return _DESCRIBE[row.kind](row)


def _change(row: EventRow) -> Words:
    words, what = ledger.labels_of(row.state), ledger.describe(row.state, row.facts, row.what)
    return Words(words.title.format(what=what), what if words.detailed else "")


def _redemption(row: EventRow) -> Words:
    why, ending = _reason(row.reason), _ENDINGS.get(row.state, "").format(points=grouped(row.points))
    if row.state in ("failed", "cancelled"):
        ending = f"{why or ending} {_RELEASED.format(points=grouped(row.points))}"
    return Words(f"You asked for {row.what}", ending)


def _reason(reason: str | None) -> str:
    """Why a redemption was not fulfilled, as a sentence; empty for a code without a sentence."""
    if not reason or reason in _REASONS or _CODE.fullmatch(reason):
        return _REASONS.get(reason or "", "")
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _invite(row: EventRow) -> Words:
    title = _INVITES.get(row.state, "The invite for {friend}").format(friend=row.what or "a friend")
    detail = ""
    if row.state == "converted" and row.points:
        detail = "You got {points} points for it." if row.settled_at else "Your {points} points for it arrive soon."
    elif row.state == "reversed" and row.points:
        detail = "The {points} points for it were taken back."
    elif row.state in ("draft", "sent") and row.points:
        detail = "You get {points} points when they join in."
    return Words(title[0].upper() + title[1:], detail.format(points=grouped(row.points)))


_DESCRIBE = {"ledger": _change, "redemption": _redemption, "referral": _invite}
