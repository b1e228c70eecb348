"""What channels are given and how they end."""

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
    """The backend that accepted a message, and its name for it."""

    backend: str
    note: str = ""


class NotAccepted(Exception):
    """The provider has certainly not taken the message and may take it later."""


class Refused(Exception):
    """The provider has refused the message for good; `gone`: the address exists no more."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone
