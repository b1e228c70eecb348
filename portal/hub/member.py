"""The member as the storefront sees them, in one read: points, tier, progress, holds, what waits or expires, streak."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import text

from portal.ledger import NEXT_PENDING, serialize_pending
from portal.platform import clock
from portal.platform.clock import week_of
from portal.platform.db import db
from portal.platform.db.hot import read_hot
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid
from portal.platform.settings import current_settings
from portal.tiers import enrol

SOON = timedelta(days=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MEMBER = text(f"""
    SELECT m.id, m.referral_code, m.status, m.joined_at, m.balance, m.held, m.lifetime_earned, m.pending,
           m.owed, m.tier_since,
           t.slug AS tier_slug, t.name AS tier_name, t.threshold AS tier_threshold, t.benefits AS tier_benefits,
           n.slug AS next_slug, n.name AS next_name, n.threshold AS next_threshold, n.benefits AS next_benefits,
           coalesce(lots.stale, 0)::bigint AS stale, lots.expiring, holds.holds, s.week AS streak_week,
           s.length AS streak, pending.pending_next
    FROM users u
    JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN loyalty_tiers t ON t.id = m.tier_id
    LEFT JOIN LATERAL (
        SELECT slug, name, threshold, benefits FROM loyalty_tiers
        WHERE active AND threshold > greatest(m.lifetime_earned, coalesce(t.threshold, -1))
        ORDER BY threshold LIMIT 1) n ON true
    LEFT JOIN LATERAL (
        SELECT sum(points) FILTER (WHERE expires_at <= :now) AS stale,
               json_agg(json_build_object(
                   'points', points, 'at', (extract(epoch FROM expires_at) * 1000000)::bigint) ORDER BY expires_at)
                   FILTER (WHERE expires_at > :now) AS expiring
        FROM (SELECT expires_at, sum(remaining - held) AS points FROM loyalty_point_expirations
              WHERE member_id = m.id AND remaining > 0 AND remaining > held AND expires_at IS NOT NULL
              GROUP BY expires_at) dates) lots ON true
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object(
            'id', r.id, 'points', r.points, 'slug', w.slug, 'description', r.description,
            'held_at', (extract(epoch FROM r.requested_at) * 1000000)::bigint,
            'expires_at', (extract(epoch FROM r.hold_expires_at) * 1000000)::bigint)
            ORDER BY r.id) AS holds
        FROM loyalty_redemptions r LEFT JOIN loyalty_rewards w ON w.id = r.reward_id
        WHERE r.member_id = m.id AND r.status = 'requested') holds ON true
    LEFT JOIN LATERAL (
        SELECT week, length FROM loyalty_streak_weeks WHERE member_id = m.id ORDER BY week DESC LIMIT 1) s ON true
    {NEXT_PENDING}
    WHERE u.id = :user_id
""")


class MemberRow(NamedTuple):
    """A membership; `tier_*` and `next_*` None: no such tier. Times within `expiring` and `holds` are microseconds."""

    id: UUID
    referral_code: str
    status: str
    joined_at: datetime
    balance: int
    held: int
    lifetime_earned: int
    pending: int
    owed: int
    tier_since: datetime | None
    tier_slug: str | None
    tier_name: str | None
    tier_threshold: int | None
    tier_benefits: list[str] | None
    next_slug: str | None
    next_name: str | None
    next_threshold: int | None
    next_benefits: list[str] | None
    stale: int
    expiring: list[Document] | None
    holds: list[Document] | None
    streak_week: date | None
    streak: int | None
    pending_next: list[Any] | None


def get_member_document(user_id: str) -> Document | None:
    """The Member of CONTRACT 3 as last committed; None if the user has no membership yet."""
    rows: list[MemberRow] = read_hot(_MEMBER, {"user_id": user_id, "now": clock.now()})
    return _document(user_id, rows[0]) if rows else None


def get_or_enrol(user_id: str) -> Document:
    """The Member of CONTRACT 3 in the current transaction; enrols the user if there is no membership.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    values = {"user_id": user_id, "now": clock.now()}
    row = db.session.execute(_MEMBER, values).first()
    if row is None:
        enrol(db.session(), user_id)
        row = db.session.execute(_MEMBER, values).one()
    return _document(user_id, cast("MemberRow", row))


def _document(user_id: str, row: MemberRow) -> Document:
    now = clock.now()
    expiring = [(int(lot["points"]), _time(lot["at"])) for lot in row.expiring or []]
    return {
        "userId": user_id,
        "referralCode": row.referral_code,
        "status": row.status,
        "joinedAt": row.joined_at,
        "balance": row.balance,
        "held": row.held,
        "available": row.balance - row.held - row.stale,
        "lifetimeEarned": row.lifetime_earned,
        "pending": serialize_pending(row.pending, row.pending_next),
        "owed": row.owed,
        "tier": _tier(row),
        "progress": _progress(row),
        "upcomingBenefits": row.next_benefits or [],
        "holds": [_hold(hold) for hold in row.holds or []],
        "expiring": [{"points": points, "expiresAt": at} for points, at in expiring],
        "expiringSoon": sum(points for points, at in expiring if at <= now + SOON),
        "streak": _streak(row, now),
    }


def _tier(row: MemberRow) -> Document | None:
    if row.tier_slug is None:
        return None
    return {
        "slug": row.tier_slug,
        "name": row.tier_name,
        "threshold": row.tier_threshold,
        "benefits": row.tier_benefits,
        "since": row.tier_since,
    }


def _progress(row: MemberRow) -> Document:
    earned, threshold = row.lifetime_earned, row.next_threshold
    if threshold is None:
        return {"nextTier": None, "qualifyingPoints": earned, "pointsToNext": 0, "percent": 100}
    following = {"slug": row.next_slug, "name": row.next_name, "threshold": threshold}
    return {
        "nextTier": following,
        "qualifyingPoints": earned,
        "pointsToNext": max(threshold - earned, 0),
        "percent": min(100 * earned // threshold, 100),
    }


def _hold(hold: Document) -> Document:
    return {
        "redemptionId": ulid(UUID(hold["id"])),
        "points": hold["points"],
        "rewardSlug": hold["slug"],
        "description": hold["description"],
        "heldAt": _time(hold["held_at"]),
        "expiresAt": _time(hold["expires_at"]),
    }


def _streak(row: MemberRow, now: datetime) -> Document:
    """Consecutive qualified weeks; a streak stays alive during the week after its last one."""
    settings = current_settings()
    this_week, last = week_of(now, settings.programme_timezone), row.streak_week
    alive = last is not None and this_week - last <= timedelta(days=7)
    return {
        "weeks": row.streak if alive else 0,
        "nextBonus": settings.streak_bonus_points,
        "qualifiedThisWeek": last == this_week,
    }


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
