"""What members of the staff are asked before they join."""

from portal.members.web.joining import asks_staff

__all__ = ["asks_staff"]
