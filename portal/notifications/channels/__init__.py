"""The ways a message leaves. A further one is a module with `send`, and its line in `notifications.transports`."""

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused

__all__ = ["Envelope", "NotAccepted", "OutcomeUnknown", "Receipt", "Refused"]
