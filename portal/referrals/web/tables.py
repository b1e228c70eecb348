"""The invites as the consoles list them, and those whose conversion looks as if both sides were one person."""

from portal.accounts import list_named
from portal.platform.console.tables import Column, Filter, Table, choices_of
from portal.referrals.converting.fraud_signals import MEANINGS
from portal.referrals.models import EFFECTIVE_STATUS, PAST, Channel, InviteStatus

_SOURCE = """
    loyalty_referral_invites i
    JOIN loyalty_members m ON m.id = i.member_id
    JOIN users u ON u.id = m.user_id
    LEFT JOIN users f ON f.id = coalesce(i.referee_user_id, i.attributed_user_id)
"""
# Each way to name an invite is looked up in its own index, and only the invites found are read.
_FOUND = """
    i.id = ANY(ARRAY(
        SELECT id FROM loyalty_referral_invites
        WHERE code = upper(regexp_replace(:find, '[^0-9A-Za-z]', '', 'g')) OR invitee_email = lower(:find)
        UNION SELECT o.id FROM loyalty_referral_invites o JOIN loyalty_members p ON p.id = o.member_id
        WHERE p.user_id = ANY(CAST(:people AS text[]))
           OR p.referral_code = upper(regexp_replace(:find, '[^0-9A-Za-z]', '', 'g'))
        UNION SELECT id FROM loyalty_referral_invites
        WHERE referee_user_id = ANY(CAST(:people AS text[])) OR attributed_user_id = ANY(CAST(:people AS text[]))))
"""


_FIND = Filter(
    "find",
    "Code, member or friend",
    _FOUND,
    values=lambda wanted: {"people": list_named(wanted)},
    hint="Code, name, address or id",
)
_CODE = Column("code", "Code", "i.code", "code")
_MEMBER = Column("user_id", "Member", "u.id", "member")
_NAME = Column("name", "Name", "u.name")
_REFEREE = Column("referee", "Friend's account", "f.id", "member")

REFERRALS = Table(
    name="referrals",
    source=_SOURCE,
    key="i.id",
    key_type="uuid",
    order="-created_at",
    columns=(
        _CODE,
        Column("id", "Id", "i.id", "ulid", shown=False),
        _MEMBER,
        _NAME,
        Column("invitee_name", "Friend", "i.invitee_name"),
        Column("invitee_email", "Friend's address", "i.invitee_email"),
        _REFEREE,
        Column("status", "Status", EFFECTIVE_STATUS, "status"),
        Column("channel", "Channel", "i.channel"),
        Column("created_at", "Invited", "i.created_at", "moment", sorts="timestamptz"),
        Column("converted_at", "Converted", "i.converted_at", "moment"),
        Column("reward_points", "Bonus", "i.reward_points", "points"),
        Column("signals", "Signals", "nullif(cardinality(i.signals), 0)", "number"),
        Column("expires_at", "Expires", "i.expires_at", "moment", shown=False),
        Column("order_reference", "Order", "i.order_reference", shown=False),
    ),
    filters=(
        _FIND,
        Filter(
            "status",
            "Status",
            f"(i.status = :status AND NOT {PAST}) OR (:status = 'expired' AND {PAST})",
            choices_of(InviteStatus),
        ),
        Filter("channel", "Channel", "i.channel = :channel", choices_of(Channel)),
    ),
)

SIGNALS = Table(
    name="referral-signals",
    source=_SOURCE,
    key="i.id",
    key_type="uuid",
    order="-converted_at",
    where="i.signals <> '{}'",
    columns=(
        _CODE,
        Column("id", "Id", "i.id", "ulid", shown=False),
        _MEMBER,
        Column("name", "Name", "u.name", shown=False),
        _REFEREE,
        Column("signals", "Signals", "i.signals", shown=False),
        Column("why", "Signals", "replace(array_to_string(i.signals, ', '), '_', ' ')", exported=False),
        Column("points", "Points", "i.reward_points + i.welcome_points", "points"),
        Column("converted_at", "Converted", "i.converted_at", "moment", sorts="timestamptz"),
        Column("reviewed_at", "Reviewed", "i.reviewed_at", "moment"),
        Column("reviewed_by", "By", "i.reviewed_by", shown=False),
        Column("review_note", "Note", "i.review_note", shown=False),
    ),
    filters=(
        Filter(
            "review",
            "Review",
            "(i.reviewed_at IS NULL) = (:review = 'waiting')",
            (("waiting", "Waiting"), ("done", "Done")),
        ),
        Filter(
            # This form makes the planner expect many rows and scan the index in order; with @> it would join and sort
            # them all.
            "signal",
            "Signal",
            "array_position(i.signals, CAST(:signal AS text)) IS NOT NULL",
            tuple((name, name.replace("_", " ").capitalize()) for name in MEANINGS),
        ),
        _FIND,
    ),
)
