"""Web Push: encrypted for the browser's subscription, signed by our VAPID key, taken by the browser's push service."""

import ipaddress
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid
from pywebpush import WebPushException, webpush

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused

TIMEOUT_SECONDS = 10
TTL_SECONDS = 86_400
# Whose push services a subscription may name, so that nobody can make the portal call addresses of their choice.
SERVICES = ("googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")


@dataclass(frozen=True, slots=True)
class Keys:
    """Our private key and whom push services may write to about it."""

    private: str
    contact: str
    services: tuple[str, ...] = SERVICES


def public_key(private: str) -> str:
    """What a browser needs to subscribe: the public key, as base64url.

    :raises ValueError: `private` is no VAPID key.
    """
    try:
        key = Vapid.from_string(private).public_key
        raw = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    except Exception as error:
        raise ValueError("is no VAPID key: base64url of the private key, or of its DER form") from error
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_subscription(token: str, services: tuple[str, ...] = SERVICES) -> dict[str, Any]:
    """The subscription that a push token holds.

    :raises ValueError: it is none, or of no known push service.
    """
    try:
        found = orjson.loads(token)
        endpoint, keys = found["endpoint"], found["keys"]
        subscription = {"endpoint": endpoint, "keys": {name: str(keys[name]) for name in ("p256dh", "auth")}}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("is no Web Push subscription") from error
    if not isinstance(endpoint, str) or not _is_known(endpoint, services):
        raise ValueError("is of no push service that we know")
    return subscription


def endpoint_of(token: str | None) -> str:
    """Where the push service of a subscription takes messages, by which a browser knows its own; empty without one."""
    try:
        return str(orjson.loads(token or "")["endpoint"])
    except (ValueError, KeyError, TypeError):
        return ""


def send(envelope: Envelope, keys: Keys) -> Receipt:
    """Hand a notification to the browser's push service.

    :raises NotAccepted: it was not reached, or says later (429, 503).
    :raises Refused: the subscription has ended (404, 410) or is refused.
    :raises OutcomeUnknown: it did not answer.
    """
    try:
        subscription = read_subscription(envelope.to, keys.services)
    except ValueError as error:
        raise Refused(f"the push token {error}", gone=True) from error
    card = {"title": envelope.subject, "body": envelope.short, "url": envelope.link, "tag": envelope.reference}
    try:
        webpush(
            subscription, orjson.dumps(card).decode(), vapid_private_key=keys.private, ttl=TTL_SECONDS,
            vapid_claims={"sub": f"mailto:{keys.contact}"}, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
    except WebPushException as error:
        raise _verdict(error) from error
    except requests.exceptions.ConnectTimeout as error:
        raise NotAccepted("the push service was not reached") from error
    except requests.exceptions.ConnectionError as error:
        if "NewConnectionError" in str(error) or "NameResolutionError" in str(error):
            raise NotAccepted("the push service was not reached") from error
        raise OutcomeUnknown("the line to the push service went dead") from error
    except requests.exceptions.RequestException as error:
        raise OutcomeUnknown(type(error).__name__) from error
    return Receipt("webpush")


def _verdict(error: WebPushException) -> Exception:
    code = error.response.status_code if error.response is not None else 0
    if code in (429, 503):
        return NotAccepted(f"HTTP {code}")
    if 400 <= code < 500:
        return Refused(f"HTTP {code}", gone=code in (404, 410))
    return OutcomeUnknown(f"HTTP {code}" if code else str(error)[:200])


def _is_known(endpoint: str, services: tuple[str, ...]) -> bool:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    known = any(host == service or host.endswith(f".{service}") for service in services)
    return known and (parts.scheme == "https" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
