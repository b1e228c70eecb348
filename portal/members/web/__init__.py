"""The question to staff before they become members."""

from portal.members.web.joining import asks_staff

__all__ = ["asks_staff"]
