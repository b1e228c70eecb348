"""Tables of one member: points, redemptions, invites, messages, nudges, operators' acts and sign-ins."""

from portal.desk.sentences import LOTS_NAMED, describe_entry, explain_entry
from portal.ledger import ELSEWHERE, EntryType
from portal.notifications import MessageStatus
from portal.notifications import web as notifications
from portal.notifications.web import explained
from portal.nudges import web as nudges
from portal.platform.console.tables import Column, Filter, Table, choices_of
from portal.redemptions import RedemptionStatus
from portal.referrals import InviteStatus

_OF_MEMBER = "member_id = CAST(:member_id AS uuid)"
# What a debit took from which lots, or a restore gave back: the first few, with the entries that opened them, and the
# number of all.
_TAKEN = f"""(
    SELECT json_agg(json_build_object('points', x.points, 'at', x.occurred_at, 'entry_type', x.entry_type,
                                      'metadata', x.metadata, 'description', x.description))
    FROM (SELECT abs(d.points) AS points, o.occurred_at, o.entry_type, o.metadata, w.description
          FROM loyalty_lot_debits d
          JOIN loyalty_ledger_entries o ON o.member_id = d.member_id AND o.id = d.lot_id
          LEFT JOIN loyalty_ledger_texts w ON w.member_id = o.member_id AND w.entry_id = o.id
          JOIN loyalty_point_expirations p ON p.member_id = d.member_id AND p.id = d.lot_id
          WHERE d.member_id = e.member_id AND d.entry_id = e.id ORDER BY p.expires_at, p.seq LIMIT {LOTS_NAMED}) x)"""
_LOTS_TAKEN = "(SELECT count(*) FROM loyalty_lot_debits d WHERE d.member_id = e.member_id AND d.entry_id = e.id)"
# What is left of a credit that is taken back by hand.
_LEFT = f"""
    CASE WHEN e.amount > 0 AND e.entry_type NOT IN {tuple(kind.value for kind in ELSEWHERE)} THEN
        e.amount - (
            SELECT coalesce(sum(x.value::bigint), 0) FROM loyalty_ledger_entries r
            CROSS JOIN LATERAL jsonb_each_text(r.metadata -> 'takes') x
            WHERE r.member_id = e.member_id AND r.source = e.source AND r.external_id = e.external_id
              AND r.entry_type = 'reversal' AND r.metadata ->> 'reverses' = e.effect AND x.key <> 'pending')
    END"""
# When the ledger credited the member for a friend.
_CREDITED = """(
    SELECT e.occurred_at FROM loyalty_ledger_entries e
    WHERE e.member_id = i.member_id AND e.source = 'referral' AND e.external_id = ulid_text(i.id)
      AND e.effect = 'referrer')"""

LEDGER = Table(
    name="member-ledger",
    source="""loyalty_ledger_entries e
        LEFT JOIN LATERAL (SELECT remaining, held, expires_at FROM loyalty_point_expirations
                           WHERE member_id = e.member_id AND id = e.id OFFSET 0) l ON true
        LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
        LEFT JOIN loyalty_orders o ON o.reference = e.metadata ->> 'order_reference'""",
    where=f"e.{_OF_MEMBER}",
    key="e.seq",
    key_type="bigint",
    order="-seq",
    columns=(
        Column("seq", "No.", "e.seq", "number", sorts="bigint"),
        Column("occurred_at", "When", "e.occurred_at", "moment"),
        Column("entry_type", "Kind", "e.entry_type", "status"),
        Column("amount", "Points", "e.amount", "signed"),
        Column("balance_after", "Balance", "e.balance_after", "points"),
        Column("explained", "Explained", "''", exported=False, made=explain_entry),
        Column("order_reference", "Order", "o.reference", "order"),
        Column("note", "Note", "t.note"),
        Column("description", "Description", "t.description", shown=False, made=describe_entry),
        Column("metadata", "Metadata", "e.metadata", shown=False, exported=False),
        Column("id", "Id", "e.id", "ulid", shown=False),
        Column("source", "Source", "e.source", shown=False),
        Column("external_id", "Source's id", "e.external_id", shown=False),
        Column("lot_remaining", "Left", "l.remaining", shown=False),
        Column("lot_held", "On hold", "l.held", shown=False),
        Column("lot_expires_at", "Expire", "l.expires_at", shown=False),
        Column("taken", "Taken", _TAKEN, shown=False, exported=False),
        Column("lots_taken", "Lots", _LOTS_TAKEN, shown=False, exported=False),
        Column("left", "Left to take back", _LEFT, shown=False, exported=False),
    ),
    filters=(
        Filter("type", "Kind", "e.entry_type = :type", choices_of(EntryType)),
        Filter("order", "Order", "e.source = 'order' AND e.external_id = :order", hint="Its reference"),
    ),
)
REDEMPTIONS = Table(
    name="member-redemptions",
    source="loyalty_redemptions r LEFT JOIN loyalty_rewards w ON w.id = r.reward_id",
    where=f"r.{_OF_MEMBER}",
    key="r.id",
    key_type="uuid",
    order="-requested_at",
    columns=(
        Column("id", "Request", "r.id", "ulid"),
        Column("description", "What", "r.description"),
        Column("reward", "Reward", "w.slug", "code"),
        Column("points", "Points", "r.points", "points"),
        Column("restored", "Back", "nullif(r.restored, 0)", "points"),
        Column("status", "Status", "r.status", "status"),
        Column("requested_at", "Requested", "r.requested_at", "moment", sorts="timestamptz"),
        Column("hold_expires_at", "Held until", "r.hold_expires_at", "moment", exported=False),
        Column("closed_at", "Closed", "r.closed_at", "moment"),
        Column("failure_reason", "Reason", "r.failure_reason"),
    ),
    filters=(Filter("status", "Status", "r.status = :status", choices_of(RedemptionStatus)),),
)
REFERRALS = Table(
    name="member-referrals",
    source="loyalty_referral_invites i",
    where=f"i.{_OF_MEMBER}",
    key="i.id",
    key_type="uuid",
    order="-created_at",
    columns=(
        Column("code", "Code", "i.code", "code"),
        Column("status", "Status", "i.status", "status"),
        Column("channel", "By", "i.channel"),
        Column("invitee_name", "Friend", "coalesce(i.invitee_name, '')"),
        Column("address", "Address", "coalesce(i.invitee_email, i.invitee_phone, '')", "code"),
        Column("referee_user_id", "Joined as", "i.referee_user_id", "member"),
        Column("reward_points", "Bonus", "i.reward_points", "points"),
        Column("created_at", "Made", "i.created_at", "moment", sorts="timestamptz"),
        Column("expires_at", "Open until", "i.expires_at", "moment"),
        Column("credited_at", "Credited", _CREDITED, "moment"),
        Column("id", "Id", "i.id", "ulid", shown=False),
    ),
    filters=(Filter("status", "Status", "i.status = :status", choices_of(InviteStatus)),),
)
MESSAGES = Table(
    name="member-messages",
    source="messages g",
    where="g.user_id = :user_id",
    key="g.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Message", "g.id", "ulid", sorts="uuid"),
        Column("kind", "Kind", "replace(g.kind, '_', ' ')"),
        Column("channel", "By", "coalesce(g.channel, '')"),
        Column("status", "Status", "g.status", "status"),
        Column("why", "Why", explained("g.reason", notifications.REASONS)),
        Column("reason", "Why", "g.reason", shown=False),
        Column("attempts", "Attempts", "g.attempts", "number"),
        Column("created_at", "Asked for", "g.created_at", "moment"),
        Column("sent_at", "Sent", "g.sent_at", "moment"),
    ),
    filters=(Filter("status", "Status", "g.status = :status", choices_of(MessageStatus)),),
)
NUDGES = Table(
    name="member-nudges",
    source="loyalty_nudge_dispatch_events d LEFT JOIN loyalty_nudge_campaigns c ON c.id = d.campaign_id",
    where=f"d.{_OF_MEMBER}",
    key="d.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Dispatch", "d.id", "ulid", sorts="uuid"),
        Column("campaign", "Campaign", "c.slug", "code"),
        Column("channel", "By", "coalesce(d.channel, '')"),
        Column("status", "Status", "d.status", "status"),
        Column("why", "Why", explained("d.reason", nudges.REASONS)),
        Column("reason", "Why", "d.reason", shown=False),
        Column("created_at", "Decided", "d.created_at", "moment"),
        Column("sent_at", "Sent", "d.sent_at", "moment"),
    ),
)
HISTORY = Table(
    name="member-history",
    source="audit_log a",
    where="""(a.object_type = 'user' AND a.object_id = :user_id
              OR a.object_type = 'member' AND a.object_id = :member_ulid)""",
    key="a.id",
    key_type="bigint",
    order="-number",
    columns=(
        Column("number", "No.", "a.id", "number", sorts="bigint"),
        Column("at", "When", "a.at", "moment"),
        Column("action", "What", "a.action", "code"),
        Column("actor", "Who", "a.actor", "code"),
        Column("reason", "Why", "a.reason"),
        Column("before", "Before", "CAST(a.before AS text)", shown=False),
        Column("after", "After", "CAST(a.after AS text)", shown=False),
    ),
)
SIGN_INS = Table(
    name="member-sign-ins",
    source="auth_sessions s",
    where="s.user_id = :user_id",
    key="s.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Sign-in", "s.id", "ulid", sorts="uuid"),
        Column("created_at", "Signed in", "s.created_at", "moment"),
        Column("last_seen_at", "Last seen", "s.last_seen_at", "moment"),
        Column("user_agent", "Browser", "s.user_agent"),
        Column("address", "From", "s.address", "code"),
        Column("revoked_at", "Ended", "s.revoked_at", "moment"),
        Column("expires_at", "Ends by itself", "s.expires_at", "moment"),
    ),
)
