"""Member pages that join several domains."""
