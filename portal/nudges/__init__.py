"""Campaigns, candidates, governor and dispatch."""

from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import dispatch_batch
from portal.nudges.feed import NudgeNotFound, refresh_and_list_nudges, update_nudge_status
from portal.nudges.reads import list_nudges
from portal.nudges.rules import NudgeRules

__all__ = [
    "NudgeNotFound",
    "NudgeRules",
    "aggregate_nudge_candidates",
    "dispatch_batch",
    "list_nudges",
    "refresh_and_list_nudges",
    "update_nudge_status",
]
