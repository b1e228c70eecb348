"""Operator pages that join several domains."""
