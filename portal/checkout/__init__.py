"""Checkout intents and next actions."""
