"""The cards of pending intents, in the shop's words: one template for each kind."""

from collections.abc import Callable, Mapping
from typing import Any

from portal.checkout.intents import REDEMPTION, SHARE
from portal.platform.documents import Document
from portal.platform.formatting import grouped

ORDER_SHOWN = 40


def _redemption(intent: Mapping[str, Any], base_url: str) -> Document:
    order, cost = _order(intent), grouped(intent["points"])
    if intent["rewardSlug"] is None:
        return {
            "title": f"Use {cost} points at your checkout",
            "body": f"You meant to use {cost} points on order {order}. They stay yours until you decide.",
            "ctaLabel": "See your points",
            "ctaUrl": f"{base_url}/account/loyalty#balances",
            "priority": 80,
        }
    return {
        "title": f"{intent['rewardName']} is waiting for you",
        "body": f"You picked it for order {order}: {cost} points, and it is yours.",
        "ctaLabel": "Get it now",
        "priority": 80,
        "ctaUrl": f"{base_url}/account/loyalty/rewards/{intent['rewardSlug']}/redeem?intent={intent['id']}",
    }


def _referral_share(intent: Mapping[str, Any], base_url: str) -> Document:
    return {
        "title": "Share what you love",
        "body": f"Happy with order {_order(intent)}? Invite a friend, and you both get something out of it.",
        "ctaLabel": "Invite a friend",
        "ctaUrl": f"{base_url}/account/referrals",
        "priority": 40,
    }


_TEMPLATES: dict[str, Callable[[Mapping[str, Any], str], Document]] = {REDEMPTION: _redemption, SHARE: _referral_share}


def make_card(intent: Mapping[str, Any], base_url: str) -> Document:
    """The next action of a pending intent (CONTRACT Checkout); its link leads to this portal's pages."""
    words = _TEMPLATES[intent["kind"]](intent, base_url)
    return {"intentId": intent["id"], "kind": intent["kind"], **words, "expiresAt": intent["expiresAt"]}


def _order(intent: Mapping[str, Any]) -> str:
    reference: str = intent["orderReference"]
    return reference if len(reference) <= ORDER_SHOWN else f"{reference[: ORDER_SHOWN - 1]}…"
