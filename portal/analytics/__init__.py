"""Segments, velocity and snapshots."""
