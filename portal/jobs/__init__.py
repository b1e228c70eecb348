"""Schedules, ticks, workers and health."""

from portal.jobs.health import get_health

__all__ = [
    "get_health",
]
