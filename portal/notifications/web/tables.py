"""Messages, the preview inbox and the suppression list, as the consoles list them."""

from portal.accounts.web import people_filter
from portal.notifications.kinds import KINDS
from portal.notifications.models import CHANNEL_CHOICES, STATUSES
from portal.notifications.suppressions import SUPPRESSED_CHANNELS
from portal.notifications.web.labels import REASONS, SUPPRESSIONS, explained
from portal.platform.console.tables import Column, Filter, Table, day_filters

_STATUSES = tuple((name, name.capitalize()) for name in STATUSES)
_REASONS = tuple(REASONS.items())
_KINDS = tuple((kind.name, kind.name.replace("_", " ").capitalize()) for kind in KINDS.values())

MESSAGES = Table(
    name="messages",
    source="messages m",
    key="m.id",
    key_type="uuid",
    order="-created_at",
    columns=(
        Column("id", "Message", "m.id", "ulid", shown=False),
        Column("created_at", "When", "m.created_at", "moment", sorts="timestamptz"),
        Column("user_id", "Member", "m.user_id", "member"),
        Column("kind", "Kind", "replace(m.kind, '_', ' ')"),
        Column("channel", "Channel", "m.channel"),
        Column("backend", "By", "m.backend"),
        Column("status", "Status", "m.status", "status"),
        Column("why", "Reason", explained("m.reason", REASONS)),
        Column("reason", "Reason", "m.reason", shown=False),
        Column("attempts", "Attempts", "m.attempts", "number", shown=False),
        Column("sent_at", "Sent", "m.sent_at", "moment", shown=False),
    ),
    filters=(
        people_filter("member", "Member", "m.user_id"),
        Filter("kind", "Kind", "m.kind = :kind", _KINDS),
        Filter("channel", "Channel", "m.channel = :channel", CHANNEL_CHOICES),
        Filter("status", "Status", "m.status = :status", _STATUSES),
        Filter("reason", "Reason", "m.reason = :reason", _REASONS),
        *day_filters("m.created_at"),
    ),
)

PREVIEW = Table(
    name="preview",
    source="messages m",
    where="m.backend = 'preview'",
    key="m.id",
    key_type="uuid",
    order="-created_at",
    columns=(
        Column("id", "Message", "m.id", "ulid", shown=False),
        Column("subject", "Subject", "coalesce(nullif(m.subject, ''), left(m.body_text, 80), 'No subject')"),
        Column("recipient", "To", "left(m.recipient, 60)"),
        Column("user_id", "Member", "m.user_id", "member"),
        Column("kind", "Kind", "replace(m.kind, '_', ' ')"),
        Column("channel", "Channel", "m.channel"),
        Column("created_at", "When", "m.created_at", "moment", sorts="timestamptz"),
    ),
    filters=(
        people_filter("member", "Member", "m.user_id"),
        Filter("kind", "Kind", "m.kind = :kind", _KINDS),
        Filter("channel", "Channel", "m.channel = :channel", CHANNEL_CHOICES),
    ),
)

_HASH = "encode(s.address_hash, 'hex')"
SUPPRESSED = Table(
    name="suppressions",
    source="message_suppressions s",
    key=f"(s.channel || ' ' || {_HASH})",
    key_type="text",
    order="-created_at",
    columns=(
        Column("channel", "Channel", "s.channel"),
        Column("address_hash", "Address", _HASH, shown=False),
        Column("short", "Address, as a fingerprint", f"left({_HASH}, 12)", "code", exported=False),
        Column("why", "Reason", explained("s.reason", SUPPRESSIONS)),
        Column("created_at", "Since", "s.created_at", "moment", sorts="timestamptz"),
    ),
    filters=(
        Filter(
            "address",
            "Email or phone",
            ":address <> '' AND (s.channel, s.address_hash) IN "
            "(('email', decode(:as_email, 'hex')), ('sms', decode(:as_sms, 'hex')))",
        ),
        Filter(
            "channel",
            "Channel",
            "s.channel = :channel",
            tuple((name, label) for name, label in CHANNEL_CHOICES if name in SUPPRESSED_CHANNELS),
        ),
    ),
)
