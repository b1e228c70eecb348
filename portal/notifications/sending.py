"""Sending a message to a user: check whether, when and how they want it, then send it once."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.accounts import put_push_token
from portal.notifications.channels import Envelope, Refused
from portal.notifications.delivery import get_ended, send_once, suppress
from portal.notifications.kinds import NUDGE, TIER_UPGRADE, Kind
from portal.notifications.models import ChannelName
from portal.notifications.recipients import Recipient, choose_channel, get_recipient, quiet_until, refusal
from portal.notifications.rendering import Content, absolute, render_loyalty_nudge, render_loyalty_tier_upgrade
from portal.notifications.transports import transport
from portal.notifications.unsubscribe import make_token
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.outbox import OutcomeUnknown, Postponed, RetryLater
from portal.platform.settings import current_settings

log = logging.getLogger(__name__)
Card = Mapping[str, Any]
Render = Callable[[Recipient, str | None], Content]


class _Upgrade(NamedTuple):
    """A recorded tier upgrade: its user, the tier reached, and the next tier, if any."""

    user_id: str
    name: str
    benefits: list[Document]
    threshold: int
    next_name: str | None
    next_threshold: int | None


_UPGRADE = text("""
    SELECT m.user_id, t.name, t.benefits, t.threshold, n.name AS next_name, n.threshold AS next_threshold
    FROM loyalty_tier_changes c
    JOIN loyalty_members m ON m.id = c.member_id
    JOIN loyalty_tiers t ON t.id = c.to_tier_id
    JOIN loyalty_tiers held ON held.id = m.tier_id AND held.threshold >= t.threshold
    LEFT JOIN LATERAL (
        SELECT name, threshold FROM loyalty_tiers x WHERE x.active AND x.threshold > t.threshold
        ORDER BY x.threshold LIMIT 1) n ON true
    WHERE c.member_id = :member_id AND c.id = :change_id
""")


def send_loyalty_tier_upgrade(key: str, member_id: UUID | None, change_id: UUID | None) -> str:
    """Announce a recorded tier upgrade to the member once, as they allow; returns the message's status.

    A tier that was taken back meanwhile is `gone`: nothing is sent.

    :raises portal.platform.outbox.Postponed: in their quiet hours.
    :raises portal.platform.outbox.RetryLater, portal.platform.outbox.OutcomeUnknown: see `send_once`.
    """
    row = read_one(_UPGRADE, {"member_id": member_id, "change_id": change_id}, _Upgrade)
    if row is None:
        return "gone"
    upcoming = {"name": row.next_name, "threshold": row.next_threshold} if row.next_name else None
    tier = {"name": row.name, "benefits": row.benefits}

    def write(recipient: Recipient, unsubscribe: str | None) -> Content:
        return render_loyalty_tier_upgrade(
            {"first_name": recipient.first_name, "tier": tier, "next_tier": upcoming},
            locale=recipient.locale,
            timezone=recipient.timezone,
            unsubscribe=unsubscribe,
        )

    return send_to_user(key, TIER_UPGRADE, row.user_id, write)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How sending a nudge ended: a status of messages, why, and which backend took it when."""

    status: str
    reason: str = ""
    backend: str | None = None
    sent_at: datetime | None = None


def send_loyalty_nudge(
    key: str, user_id: str, channel: ChannelName, card: Card, details: Document | None = None
) -> Outcome:
    """Send a nudge's card to the member on this channel, once, if they still want it there (CONTRACT rule 17).

    Caps and quiet hours are the caller's business; `key` names the attempt for ever.
    """
    with unit_of_work() as session:
        recipient = get_recipient(session, user_id)
    reason = _unwanted(recipient, channel)
    if recipient is None or reason is not None:
        suppress(
            key, NUDGE.name, reason or "", user_id=user_id if recipient else None, channel=channel, details=details
        )
        return Outcome("suppressed", reason or "")

    def write(reader: Recipient, unsubscribe: str | None) -> Content:
        return render_loyalty_nudge(
            {**card, "first_name": reader.first_name},
            locale=reader.locale,
            timezone=reader.timezone,
            unsubscribe=unsubscribe,
        )

    try:
        status = _send(key, NUDGE, recipient, channel, write, details)
    except RetryLater as error:
        return Outcome("deferred", str(error))
    except OutcomeUnknown as error:
        return Outcome("uncertain", str(error))
    ended = get_ended(key)
    return Outcome(status, ended.reason, ended.backend, ended.sent_at) if ended is not None else Outcome(status)


def _unwanted(recipient: Recipient | None, channel: ChannelName) -> str | None:
    if recipient is None:
        return "no_such_user"
    wanted = recipient.preferences.allows(channel.value) and channel in recipient.addresses
    return refusal(recipient, NUDGE) or (None if wanted else "no_channel")


def send_to_user(
    key: str, kind: Kind, user_id: str, write: Render, details: Document | None = None, email: str | None = None
) -> str:
    """Send a kind to a user on the first channel that suits both, or record why not; how it ended.

    `email` is an address to write to instead of all that the user is reached by now.

    :raises portal.platform.outbox.Postponed: in their quiet hours, if the kind is marketing.
    :raises portal.platform.outbox.RetryLater, portal.platform.outbox.OutcomeUnknown: see `send_once`.
    """
    settings = current_settings()
    with unit_of_work() as session:
        recipient = get_recipient(session, user_id)
    if recipient is None:
        suppress(key, kind.name, "no_such_user", user_id=None, details=details)
        return "suppressed"
    if email is not None:
        recipient = replace(recipient, addresses={ChannelName.EMAIL: email})
    channel = choose_channel(recipient, kind)
    reason = refusal(recipient, kind) or ("no_channel" if channel is None else None)
    if reason is not None or channel is None:
        suppress(key, kind.name, reason or "", user_id=user_id, channel=channel, details=details)
        return "suppressed"
    until = quiet_until(recipient, clock.now(), settings.programme_timezone, settings.quiet_hours)
    if kind.marketing and until is not None:
        raise Postponed(until)
    return _send(key, kind, recipient, channel, write, details)


def _send(
    key: str, kind: Kind, recipient: Recipient, channel: ChannelName, write: Render, details: Document | None
) -> str:
    unsubscribe = absolute(f"/unsubscribe/{make_token('user', recipient.user_id)}") if kind.marketing else None
    content, address = write(recipient, unsubscribe), recipient.addresses[channel]
    try:
        return send_once(
            key,
            kind.name,
            channel,
            transport(current_settings(), channel),
            lambda reference: address_to(content, reference, address, unsubscribe),
            user_id=recipient.user_id,
            details=details,
        )
    except Refused as error:
        log.info("address gone", extra={"channel": channel.value, "reason": str(error)})
        if channel is ChannelName.PUSH:
            with unit_of_work() as session:
                put_push_token(session, recipient.user_id, None, only=address)
        return "failed"


def address_to(content: Content, reference: str, address: str, unsubscribe: str | None) -> Envelope:
    """A rendered message in its envelope."""
    return Envelope(
        reference, address, content.subject, content.text, content.html, content.short, content.link, unsubscribe
    )
