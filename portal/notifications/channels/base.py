"""What a channel is given, and how sending can end."""

from dataclasses import dataclass

from portal.platform.outbox import OutcomeUnknown

__all__ = ["Envelope", "NotAccepted", "OutcomeUnknown", "Receipt", "Refused"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A rendered message for one person. `reference` is unique and names the message in the provider's log."""

    reference: str
    to: str
    subject: str
    text: str
    html: str
    short: str
    link: str
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The backend that accepted a message, and what it answered."""

    backend: str
    note: str = ""


class NotAccepted(Exception):
    """The provider has certainly not accepted the message; a retry may succeed."""


class Refused(Exception):
    """The provider has permanently refused the message; `gone`: the address no longer exists."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone
