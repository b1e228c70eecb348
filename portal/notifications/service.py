"""Writing to people: what other domains ask of notifications."""

from portal.notifications.channels import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused
from portal.notifications.delivery import abandon, send_once, suppress
from portal.notifications.kinds import NUDGE, Kind, declare
from portal.notifications.models import ChannelName
from portal.notifications.recipients import Recipient, choose_channel, get_recipient, quiet_until, refusal
from portal.notifications.rendering import (
    Content,
    absolute,
    render,
    render_loyalty_nudge,
    render_loyalty_tier_upgrade,
)
from portal.notifications.sending import (
    Outcome,
    address_to,
    send_loyalty_nudge,
    send_loyalty_tier_upgrade,
    send_to_user,
)
from portal.notifications.totals import add_messages
from portal.notifications.transports import transport
from portal.notifications.unsubscribe import make_token, unsubscribe

__all__ = [
    "NUDGE",
    "ChannelName",
    "Content",
    "Envelope",
    "Kind",
    "NotAccepted",
    "Outcome",
    "OutcomeUnknown",
    "Receipt",
    "Recipient",
    "Refused",
    "abandon",
    "absolute",
    "add_messages",
    "address_to",
    "choose_channel",
    "declare",
    "get_recipient",
    "make_token",
    "quiet_until",
    "refusal",
    "render",
    "render_loyalty_nudge",
    "render_loyalty_tier_upgrade",
    "send_loyalty_nudge",
    "send_loyalty_tier_upgrade",
    "send_once",
    "send_to_user",
    "suppress",
    "transport",
    "unsubscribe",
]
