"""What a member's page shows besides its tables; each is a bounded read by an index."""

from datetime import datetime, time, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text

from portal.accounts import UserNotFound
from portal.ledger import describe
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document

MAX_LOTS = 40
MAX_HOLDS = 40
MAX_RECENT = 8
MAX_TIERS = 20
SOON = timedelta(days=30)

_CARD = text("""
    SELECT u.id AS user_id, u.email, u.name, u.phone_number, u.locale, u.timezone, u.birthday, u.birthday_set_at,
           u.role, u.disabled_at, u.created_at, u.email_verified_at, c.source AS consent_source, c.at AS consent_at,
           u.push_token IS NOT NULL AS has_push, p.marketing_messages, p.email AS by_email, p.sms AS by_sms,
           p.push AS by_push, p.muted_kinds, p.quiet_from, p.quiet_until,
           m.id AS member_id, m.referral_code, m.status, m.joined_at, m.balance, m.held, m.lifetime_earned,
           m.pending, m.owed, t.name AS tier
    FROM users u
    LEFT JOIN notification_preferences p ON p.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT source, at FROM consent_changes WHERE user_id = u.id ORDER BY id DESC LIMIT 1) c ON true
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN loyalty_tiers t ON t.id = m.tier_id
    WHERE u.id = :user_id
""")
# Points past their date that the expiry sweep has not reached are in the balance but not available.
_DATES = text("""
    SELECT coalesce(sum(remaining - held) FILTER (WHERE expires_at <= :now), 0)::bigint AS past,
           coalesce(sum(remaining - held) FILTER (WHERE expires_at > :now), 0)::bigint AS soon
    FROM loyalty_point_expirations
    WHERE member_id = :member_id AND remaining > 0 AND expires_at <= :until
""")
_LOTS = text("""
    SELECT l.id, l.points, l.remaining, l.held, l.opened_at, l.expires_at, e.entry_type, t.description, e.metadata
    FROM (SELECT * FROM loyalty_point_expirations
          WHERE member_id = :member_id AND remaining > 0 ORDER BY expires_at, seq LIMIT :most) l
    CROSS JOIN LATERAL (SELECT entry_type, metadata FROM loyalty_ledger_entries
                        WHERE member_id = l.member_id AND seq = l.seq OFFSET 0) e
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = l.member_id AND t.entry_id = l.id
    ORDER BY l.expires_at, l.seq
""")
_HOLDS = text("""
    SELECT r.id, r.description, r.points, r.requested_at, r.hold_expires_at, a.points AS taken, a.lot_id, l.opened_at,
           l.expires_at, t.description AS lot, e.entry_type AS lot_type, e.metadata AS lot_metadata
    FROM (SELECT * FROM loyalty_redemptions WHERE member_id = :member_id AND status = 'requested'
          ORDER BY id LIMIT :most) r
    JOIN loyalty_hold_allocations a ON a.member_id = r.member_id AND a.redemption_id = r.id
    JOIN loyalty_point_expirations l ON l.member_id = a.member_id AND l.id = a.lot_id
    JOIN loyalty_ledger_entries e ON e.member_id = l.member_id AND e.id = l.id
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = l.member_id AND t.entry_id = l.id
    ORDER BY r.id, l.expires_at, l.seq LIMIT 200
""")
_TIERS = text("""
    SELECT c.changed_at, c.lifetime_earned, f.name AS from_tier, t.name AS to_tier, c.reason
    FROM loyalty_tier_changes c
    LEFT JOIN loyalty_tiers t ON t.id = c.to_tier_id LEFT JOIN loyalty_tiers f ON f.id = c.from_tier_id
    WHERE c.member_id = :member_id ORDER BY c.id DESC LIMIT :most
""")
_RECENT = text("""
    (SELECT 'points' AS kind, e.occurred_at AS at, t.description AS what, e.amount AS points, e.entry_type AS state,
            e.metadata
     FROM loyalty_ledger_entries e
     LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
     WHERE e.member_id = :member_id ORDER BY e.occurred_at DESC, e.seq DESC LIMIT :most)
    UNION ALL
    (SELECT 'redemption', requested_at, description, points, status, NULL
     FROM loyalty_redemptions WHERE member_id = :member_id ORDER BY requested_at DESC, id DESC LIMIT :most)
    UNION ALL
    (SELECT 'invite', created_at, coalesce(invitee_name, code), reward_points, status, NULL
     FROM loyalty_referral_invites WHERE member_id = :member_id ORDER BY created_at DESC, id DESC LIMIT :most)
    ORDER BY at DESC LIMIT :most
""")


class CardRow(NamedTuple):
    """A user, their preferences and last change of consent (None: never), and their membership (None: none)."""

    user_id: str
    email: str
    name: str
    phone_number: str | None
    locale: str | None
    timezone: str | None
    birthday: str | None
    birthday_set_at: datetime | None
    role: str
    disabled_at: datetime | None
    created_at: datetime
    email_verified_at: datetime | None
    consent_source: str | None
    consent_at: datetime | None
    has_push: bool
    marketing_messages: bool | None
    by_email: bool | None
    by_sms: bool | None
    by_push: bool | None
    muted_kinds: list[str] | None
    quiet_from: time | None
    quiet_until: time | None
    member_id: UUID | None
    referral_code: str | None
    status: str | None
    joined_at: datetime | None
    balance: int | None
    held: int | None
    lifetime_earned: int | None
    pending: int | None
    owed: int | None
    tier: str | None


class DatesRow(NamedTuple):
    """Free points past their date, and those with a date soon."""

    past: int
    soon: int


class LotRow(NamedTuple):
    """A lot, and the entry that opened it."""

    id: UUID
    points: int
    remaining: int
    held: int
    opened_at: datetime
    expires_at: datetime | None
    entry_type: str
    description: str
    metadata: Document


class HoldRow(NamedTuple):
    """What a request holds in one lot: `taken` of its `points`.

    `expires_at` is the lot's, not the hold's; `lot` describes the entry that opened it, whose are `lot_type` and
    `lot_metadata`.
    """

    id: UUID
    description: str
    points: int
    requested_at: datetime
    hold_expires_at: datetime
    taken: int
    lot_id: UUID
    opened_at: datetime
    expires_at: datetime | None
    lot: str
    lot_type: str
    lot_metadata: Document


class TierChangeRow(NamedTuple):
    """A change from one tier (None: no tier) to another, by name; `reason` is `reached` or `unearned`."""

    changed_at: datetime
    lifetime_earned: int
    from_tier: str | None
    to_tier: str | None
    reason: str


class RecentRow(NamedTuple):
    """A point change, redemption or invite: its `kind`, when and what it was, its points and state."""

    kind: str
    at: datetime
    what: str
    points: int
    state: str
    metadata: Document | None


def get_card(user_id: str) -> CardRow:
    """The user, and their membership if there is one.

    :raises UserNotFound: if there is no such user.
    """
    card: CardRow | None = read_one(_CARD, {"user_id": user_id})
    if card is None:
        raise UserNotFound
    return card


def get_dates(member_id: UUID | None, now: datetime) -> DatesRow:
    """The free points that are `past` their date, and those that expire `soon`."""
    return cast("DatesRow", read_one(_DATES, {"member_id": member_id, "now": now, "until": now + SOON}))


def list_lots(member_id: UUID | None) -> list[LotRow]:
    """The lots with points left, in the order they are taken; at most one more than are drawn."""
    rows: list[LotRow] = read_all(_LOTS, {"member_id": member_id, "most": MAX_LOTS + 1})
    return [row._replace(description=describe(row.entry_type, row.metadata, row.description)) for row in rows]


def list_holds(member_id: UUID | None) -> list[HoldRow]:
    """What open requests hold, one row for each of their lots."""
    rows: list[HoldRow] = read_all(_HOLDS, {"member_id": member_id, "most": MAX_HOLDS})
    return [row._replace(lot=describe(row.lot_type, row.lot_metadata, row.lot)) for row in rows]


def list_tier_changes(member_id: UUID | None) -> list[TierChangeRow]:
    """The latest changes of tier, newest first."""
    return read_all(_TIERS, {"member_id": member_id, "most": MAX_TIERS})


def list_recent(member_id: UUID | None) -> list[RecentRow]:
    """The latest point changes, redemptions and invites."""
    rows: list[RecentRow] = read_all(_RECENT, {"member_id": member_id, "most": MAX_RECENT})
    return [row._replace(what=describe(row.state, row.metadata or {}, row.what)) for row in rows]
