"""Web Push: encrypted for the browser's subscription, signed with our VAPID key, sent to the browser's push service."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid
from pywebpush import WebPushException, webpush

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused
from portal.platform.documents import Document
from portal.platform.outbound import AddressRefused, Client, NoAnswer, NotReached, Policy, judge

TIMEOUT_SECONDS = 10
TTL_SECONDS = 86_400
MAX_TOKEN_LENGTH = 4096
MAX_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Keys:
    """Our private key, the contact address that push services get, and the HTTP client that calls them."""

    private: str
    contact: str
    client: Client


def services_policy(hosts: str, *, production: bool) -> Policy:
    """Which push services may be called: the hosts of PUSH_SERVICES (CONTRACT-SHOP 9.1).

    Outside production a listed host may be on this machine.
    """
    return Policy(tuple(hosts.split()), loopback=not production)


def public_key(private: str) -> str:
    """What a browser needs to subscribe: the public key, as base64url.

    :raises ValueError: if `private` is not a VAPID key.
    """
    try:
        key = Vapid.from_string(private).public_key
        raw = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    except Exception as error:
        raise ValueError("is no VAPID key: base64url of the private key, or of its DER form") from error
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_subscription(token: str, policy: Policy) -> Document:
    """The subscription in a push token; its endpoint is rebuilt from the address that was checked.

    :raises ValueError: if it is not a subscription, or its push service may not be called.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise ValueError(f"must not be longer than {MAX_TOKEN_LENGTH} characters")
    try:
        found = orjson.loads(token)
        endpoint, keys = found["endpoint"], {name: found["keys"][name] for name in ("p256dh", "auth")}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("is no Web Push subscription") from error
    if not isinstance(endpoint, str) or not all(
        isinstance(key, str) and len(key) <= MAX_KEY_LENGTH for key in keys.values()
    ):
        raise ValueError("is no Web Push subscription")
    try:
        return {"endpoint": judge(endpoint, policy).url, "keys": keys}
    except AddressRefused as error:
        raise ValueError(f"is of no push service that we know: its address {error}") from error


def keep_subscription(token: str, policy: Policy) -> str:
    """A push token reduced to the fields that are stored.

    :raises ValueError: see `read_subscription`.
    """
    return orjson.dumps(read_subscription(token, policy)).decode()


def endpoint_of(token: str | None) -> str:
    """The endpoint of a subscription, by which a browser recognises its own; empty if there is none."""
    try:
        return str(orjson.loads(token or "")["endpoint"])
    except (ValueError, KeyError, TypeError):
        return ""


def send(envelope: Envelope, keys: Keys) -> Receipt:
    """Hand a notification to the browser's push service, whose address is checked again.

    :raises NotAccepted: if the push service was not reached, or answers 429 or 503.
    :raises Refused: if the subscription has ended (404, 410), is refused, or may not be called.
    :raises OutcomeUnknown: if it did not answer, or answers with any other error.
    """
    try:
        subscription = read_subscription(envelope.to, keys.client.policy)
    except ValueError as error:
        raise Refused(f"the push token {error}", gone=True) from error
    card = {"title": envelope.subject, "body": envelope.short, "url": envelope.link, "tag": envelope.reference}
    try:
        webpush(
            subscription,
            orjson.dumps(card).decode(),
            vapid_private_key=keys.private,
            ttl=TTL_SECONDS,
            vapid_claims={"sub": f"mailto:{keys.contact}"},
            timeout=TIMEOUT_SECONDS,
            requests_session=keys.client,
        )
    except WebPushException as error:
        raise _verdict(error) from error
    except NotReached as error:
        raise NotAccepted(f"the push service: {error}") from error
    except NoAnswer as error:
        raise OutcomeUnknown(f"the push service: {error}") from error
    return Receipt("webpush")


def _verdict(error: WebPushException) -> Exception:
    code = error.response.status_code if error.response is not None else 0
    if code in (429, 503):
        return NotAccepted(f"HTTP {code}")
    if 300 <= code < 500:  # redirects are not followed
        return Refused(f"HTTP {code}", gone=code in (404, 410))
    return OutcomeUnknown(f"HTTP {code}" if code else str(error)[:200])
