"""Delivery channels. To add one, write a module with `send` and add its line to `notifications.transports`."""

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused

__all__ = ["Envelope", "NotAccepted", "OutcomeUnknown", "Receipt", "Refused"]
