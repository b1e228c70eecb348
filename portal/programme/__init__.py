"""The settings of the business, and their versions."""

from portal.programme.versions import record_version

__all__ = [
    "record_version",
]
