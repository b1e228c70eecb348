"""Segments, velocity and snapshots."""

from portal.analytics.details import capture_details, capture_month, months_until
from portal.analytics.plots import Meaning, Plot, Series, plot_points
from portal.analytics.reads import Night, get_details, list_nights
from portal.analytics.snapshots import capture_snapshot

__all__ = [
    "Meaning",
    "Night",
    "Plot",
    "Series",
    "capture_details",
    "capture_month",
    "capture_snapshot",
    "get_details",
    "list_nights",
    "months_until",
    "plot_points",
]
