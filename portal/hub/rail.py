"""A member's nudges and next actions, as one list of cards for every page that shows them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal.checkout import CheckoutRules, get_feed, get_feed_with
from portal.nudges import NudgeRules, list_nudges, refresh_and_list_nudges
from portal.platform.documents import Document, to_json

POLL_AFTER_SECONDS = 45
ICONS = {
    "expiring_points": "hourglass",
    "stalled_redemption": "clock-hour-4",
    "checkout_reminder": "shopping-bag",
    "referral_share": "users",
    "redemption": "shopping-bag",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One sentence, one thing to do, and why it is shown. A nudge about an intent shares the card of that intent."""

    key: str
    icon: str
    title: str
    body: str
    cta_label: str
    cta_url: str
    priority: int
    reason: str
    until: datetime
    nudge_id: str | None = None
    nudge_type: str = ""
    acknowledged: bool = False
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rail:
    """The cards, most urgent first; `version` changes when any of them does."""

    cards: list[Card]

    @property
    def version(self) -> str:
        """A hash of the cards."""
        return hashlib.blake2b(to_json(self.cards), digest_size=9).hexdigest()


def get_rail(session: Session, user_id: str, *, now: datetime, rules: CheckoutRules) -> Rail:
    """The user's rail in the current transaction, with their nudges brought up to date first."""
    feed = get_feed_with(session, user_id, (), now, rules)
    return _rail(feed, refresh_and_list_nudges(session, user_id, now), rules.base_url)


def read_rail(session: Session, user_id: str, *, now: datetime, rules: CheckoutRules) -> Rail:
    """The user's rail as last committed; uses the session only if nudges must be brought up to date first."""
    nudges = list_nudges(user_id, now, NudgeRules.current())
    if nudges is None:
        nudges = refresh_and_list_nudges(session, user_id, now)
    return _rail(get_feed(user_id, now, rules), nudges, rules.base_url)


def _rail(feed: Document, nudges: Iterable[Document], base_url: str) -> Rail:
    orders = {intent["id"]: intent["orderReference"] for intent in feed["intents"]}
    actions = [_of_action(action, orders[action["intentId"]], base_url) for action in feed["actions"]]
    return Rail(merge(actions, [_of_nudge(nudge, base_url) for nudge in nudges]))


def merge(actions: Iterable[Card], nudges: Iterable[Card]) -> list[Card]:
    """Merge an intent and the nudge about it into one card, with the intent's texts and the nudge's reason."""
    cards = {card.key: card for card in actions}
    for nudge in nudges:
        action = cards.get(nudge.key)
        if action is None:
            cards[nudge.key] = nudge
            continue
        cards[nudge.key] = replace(
            action,
            priority=max(action.priority, nudge.priority),
            reason=nudge.reason,
            nudge_id=nudge.nudge_id,
            nudge_type=nudge.nudge_type,
            acknowledged=nudge.acknowledged,
        )
    return sorted(cards.values(), key=lambda card: (card.acknowledged, -card.priority, card.until))


def _of_action(action: Document, order: str, base_url: str) -> Card:
    return Card(
        key=action["intentId"],
        icon=ICONS.get(action["kind"], "bell"),
        title=action["title"],
        body=action["body"],
        cta_label=action["ctaLabel"],
        cta_url=_here(action["ctaUrl"], base_url),
        priority=action["priority"],
        reason=f"You left this at the checkout of order {order}.",
        until=action["expiresAt"],
        intent_id=action["intentId"],
    )


def _of_nudge(nudge: Document, base_url: str) -> Card:
    return Card(
        key=nudge["metadata"].get("intent_id", nudge["id"]),
        icon=ICONS.get(nudge["type"], "bell"),
        title=nudge["title"],
        body=nudge["body"],
        cta_label=nudge["ctaLabel"],
        cta_url=_here(nudge["ctaUrl"], base_url),
        priority=nudge["priority"],
        reason=nudge["reason"],
        until=nudge["expiresAt"],
        nudge_id=nudge["id"],
        nudge_type=nudge["type"],
        acknowledged=nudge["status"] == "acknowledged",
    )


def _here(url: str, base_url: str) -> str:
    """A link to this portal as a path, so that it stays on the host that the page was read from."""
    return url.removeprefix(base_url) or "/"
