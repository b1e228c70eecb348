"""Thresholds, qualification and upgrades."""

from portal.tiers.benefits import read_earn_multiplier
from portal.tiers.models import Tier
from portal.tiers.qualification import UPGRADE_TOPIC, Upgrade, enrol, enrol_many, list_tiers, put_tier, record_upgrades
from portal.tiers.requalify import close_all
from portal.tiers.unearned import Doubted, Rise, foresee, take_back_tiers

__all__ = [
    "UPGRADE_TOPIC",
    "Doubted",
    "Rise",
    "Tier",
    "Upgrade",
    "close_all",
    "enrol",
    "enrol_many",
    "foresee",
    "list_tiers",
    "put_tier",
    "read_earn_multiplier",
    "record_upgrades",
    "take_back_tiers",
]
