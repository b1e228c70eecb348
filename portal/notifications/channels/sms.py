"""SMS through Apprise: one URL, in which `{phone}` stands for the number."""

import logging
import re
from typing import Any
from urllib.parse import quote

import apprise

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused

TIMEOUTS = "rto=10&cto=5"
_STATUS = re.compile(r"error=(\d{3})")
_log: Any = apprise.LogCapture
_LOGGER = logging.getLogger("apprise")
_UNREACHED = ("Connection refused", "NewConnectionError", "NameResolutionError", "ConnectTimeout")


def check_url(url: str) -> str:
    """Return the URL if Apprise can send by it.

    :raises ValueError: if it cannot, or `{phone}` is missing.
    """
    if "{phone}" not in url:
        raise ValueError("must contain {phone}")
    if apprise.Apprise.instantiate(_addressed(url, "+15550000000")) is None:
        raise ValueError("is no URL that Apprise knows")
    return url


def send(envelope: Envelope, url: str) -> Receipt:
    """Send the short form to a phone number.

    Apprise reports only success or failure; the reason for a failure is read from its log.

    :raises NotAccepted: if the provider was not reached, or answers 429 or 503.
    :raises Refused: if the provider refuses it (4xx).
    :raises OutcomeUnknown: after any other failure.
    """
    _LOGGER.propagate = False  # it logs addresses, keys and contents
    sender = apprise.Apprise()
    sender.add(_addressed(url, envelope.to))
    with _log(level=logging.DEBUG, fmt="%(message)s") as log:
        accepted = sender.notify(body=f"{envelope.short} {envelope.link}")
        said = log.getvalue()
    if accepted:
        return Receipt("apprise")
    raise _verdict(said)


def _verdict(said: str) -> Exception:
    status = _STATUS.search(said)
    if status is not None:
        code = int(status[1])
        if code in (429, 503):
            return NotAccepted(f"HTTP {code}")
        return Refused(f"HTTP {code}") if 400 <= code < 500 else OutcomeUnknown(f"HTTP {code}")
    if any(words in said for words in _UNREACHED):
        return NotAccepted("the provider was not reached")
    return OutcomeUnknown("the provider did not say")


def _addressed(url: str, phone: str) -> str:
    joined = url.replace("{phone}", quote(phone, safe=""))
    return f"{joined}{'&' if '?' in joined else '?'}{TIMEOUTS}"
