"""Checkout intents and next actions."""

from portal.checkout.intents import (
    REDEMPTION,
    SHARE,
    Action,
    Checkout,
    CheckoutRules,
    Part,
    Resolution,
    confirm_intent,
    expire_intents,
    resolve_intent,
    sync_intents,
)
from portal.checkout.possible import REDEEMABLE, SHAREABLE
from portal.checkout.problems import IntentNotFound
from portal.checkout.reads import get_feed, get_feed_with

__all__ = [
    "REDEEMABLE",
    "REDEMPTION",
    "SHARE",
    "SHAREABLE",
    "Action",
    "Checkout",
    "CheckoutRules",
    "IntentNotFound",
    "Part",
    "Resolution",
    "confirm_intent",
    "expire_intents",
    "get_feed",
    "get_feed_with",
    "resolve_intent",
    "sync_intents",
]
