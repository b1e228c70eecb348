"""Campaigns, candidates, governor and dispatch."""
