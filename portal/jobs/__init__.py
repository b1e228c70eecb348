"""Schedules, ticks, workers and health."""

from portal.jobs.health import get_health
from portal.jobs.schedules import get_schedules

__all__ = [
    "get_health",
    "get_schedules",
]
