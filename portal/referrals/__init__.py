"""Invites, attribution and conversion."""
