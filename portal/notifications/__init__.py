"""Messages: templates, preferences, channels and delivery."""

from portal.notifications.delivery import abandon, send_once, suppress
from portal.notifications.kinds import NUDGE, REFERRAL_INVITE
from portal.notifications.models import CHANNEL_CHOICES, CHANNELS, ChannelName, Message, MessageStatus
from portal.notifications.recipients import Recipient, choose_channel, get_recipient, quiet_until, refusal
from portal.notifications.rendering import Content, absolute, render, render_loyalty_nudge
from portal.notifications.sending import Outcome, address_to, send_loyalty_nudge, send_to_user
from portal.notifications.suppressions import hash_address, is_suppressed, plain_address
from portal.notifications.totals import add_messages
from portal.notifications.transports import transport
from portal.notifications.unsubscribe import make_token

__all__ = [
    "CHANNELS",
    "CHANNEL_CHOICES",
    "NUDGE",
    "REFERRAL_INVITE",
    "ChannelName",
    "Content",
    "Message",
    "MessageStatus",
    "Outcome",
    "Recipient",
    "abandon",
    "absolute",
    "add_messages",
    "address_to",
    "choose_channel",
    "get_recipient",
    "hash_address",
    "is_suppressed",
    "make_token",
    "plain_address",
    "quiet_until",
    "refusal",
    "render",
    "render_loyalty_nudge",
    "send_loyalty_nudge",
    "send_once",
    "send_to_user",
    "suppress",
    "transport",
]
