"""Reads of referrals: one statement per response, keyset pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.accounts import UserNotFound
from portal.platform.db.cursors import decode, encode
from portal.platform.db.reads import read_all
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid
from portal.platform.ids import parse
from portal.referrals.invites import AGAINST_QUOTA
from portal.referrals.models import EFFECTIVE_STATUS, InviteStatus
from portal.referrals.rules import ReferralRules

Row = TypeVar("Row")

# SQL over a member `m`: what inviting has brought them, less what was taken back of it, whole, even if it was spent.
EARNED = """
    (SELECT coalesce(sum(qualifying), 0)::bigint FROM loyalty_ledger_entries
     WHERE member_id = m.id AND entry_type IN ('referral_bonus', 'reversal') AND source = 'referral'
       AND (entry_type = 'referral_bonus' OR metadata ->> 'reverses' = 'referrer'))
"""
_COLUMNS = f"""
    i.id, i.code, {EFFECTIVE_STATUS} AS status, i.channel, i.invitee_email, i.invitee_name, i.created_at, i.sent_at,
    i.expires_at, i.converted_at, i.cancelled_at, i.reward_points, i.not_sent_reason, i.attributed_at
"""
_PAGE = text(f"""
    SELECT q.active, a.last_invite_at, r.*
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN loyalty_referral_activity a ON a.member_id = m.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS active FROM loyalty_referral_invites i WHERE i.member_id = m.id AND {AGAINST_QUOTA}) q
    LEFT JOIN LATERAL (
        SELECT {_COLUMNS} FROM loyalty_referral_invites i
        WHERE i.member_id = m.id AND i.id < :before ORDER BY i.id DESC LIMIT :limit) r ON true
    WHERE u.id = :user_id ORDER BY r.id DESC
""")
_ONE = text(f"SELECT {_COLUMNS} FROM loyalty_referral_invites i WHERE i.id = :id")
_CONVERSIONS = text(f"""
    SELECT t.counts, e.earned, a.last_activity_at, w.pending, r.*
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN loyalty_referral_activity a ON a.member_id = m.id
    CROSS JOIN LATERAL (
        SELECT json_object_agg(s.status, s.n) AS counts
        FROM (SELECT {EFFECTIVE_STATUS} AS status, count(*) AS n
              FROM loyalty_referral_invites i WHERE i.member_id = m.id GROUP BY 1) s) t
    CROSS JOIN LATERAL (
        SELECT {EARNED} AS earned) e
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(p.entry_type, p.points, extract(epoch FROM p.activates_at), p.external_id)
                        ORDER BY p.activates_at, p.id) AS pending
        FROM loyalty_pending_credits p
        WHERE p.member_id = m.id AND m.pending > 0 AND p.source = 'referral' AND p.activated_at IS NULL
          AND p.points > 0) w
    LEFT JOIN LATERAL (
        SELECT {_COLUMNS} FROM loyalty_referral_invites i
        WHERE i.member_id = m.id AND i.status = 'converted' AND (i.converted_at, i.id) < (:before, :before_id)
        ORDER BY i.converted_at DESC, i.id DESC LIMIT :limit) r ON true
    WHERE u.id = :user_id ORDER BY r.converted_at DESC, r.id DESC
""")
_NEWEST = "7" + "Z" * 25
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class InviteRow:
    """The columns of `_COLUMNS`."""

    id: UUID
    code: str
    status: str
    channel: str
    invitee_email: str | None
    invitee_name: str | None
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime
    converted_at: datetime | None
    cancelled_at: datetime | None
    reward_points: int
    not_sent_reason: str | None
    attributed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageRow(InviteRow):
    """An invite with its member's quota. A user without invites has one row, whose invite columns are None."""

    active: int
    last_invite_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConversionRow(InviteRow):
    """A conversion with its member's totals.

    Each of `pending` has an entry type, points, due time (seconds since 1970) and the id of its invite.

    A user without conversions has one row, whose invite columns are None.
    """

    counts: dict[str, int] | None
    earned: int
    last_activity_at: datetime | None
    pending: list[tuple[str, int, float, str]] | None


def list_referrals(
    user_id: str,
    *,
    now: datetime,
    rules: ReferralRules,
    limit: int = 20,
    cursor: str | None = None,
    session: Session | None = None,
    registered: bool = False,
) -> Document:
    """A page of a user's invites, newest first: `{referrals, quota, nextCursor}`.

    With `registered`, each invite has `registeredAt` (a friend signed up).

    :raises UserNotFound: if there is no such user.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    scope = ("referrals", user_id)
    before = parse(decode(cursor, *scope) or _NEWEST)
    values = {"user_id": user_id, "before": before, "limit": limit + 1, "now": now}
    rows = rows_of(PageRow, _PAGE, values, session)
    if not rows:
        raise UserNotFound
    found = [row for row in rows if row.id is not None]
    more = encode(ulid(found[limit - 1].id), *scope) if len(found) > limit else None
    quota = _quota(rows[0].active, rows[0].last_invite_at, now, rules)
    referrals = [serialize_invite(row, rules) for row in found[:limit]]
    if registered:
        for invite, row in zip(referrals, found, strict=False):
            invite["registeredAt"] = row.attributed_at
    return {"referrals": referrals, "quota": quota, "nextCursor": more}


def list_dashboard(
    session: Session, user_id: str, *, now: datetime, rules: ReferralRules, cursor: str | None = None
) -> Document:
    """As `list_referrals`, within the current transaction, each invite with `registeredAt` (a friend signed up)."""
    return list_referrals(user_id, now=now, rules=rules, cursor=cursor, session=session, registered=True)


def list_conversions(
    user_id: str,
    *,
    now: datetime,
    rules: ReferralRules,
    limit: int = 20,
    cursor: str | None = None,
    session: Session | None = None,
) -> Document:
    """Totals of a user's invites, with a page of the converted ones, newest conversion first.

    `conversionRate` is converted / total, 0 to 1; `pointsEarned` is what has been credited and not taken back;
    `pendingCredits`, if there are any, are credits to the user, as inviter or friend, that a holding period delays.

    :raises UserNotFound: if there is no such user.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    scope = ("conversions", user_id)
    before, before_id = _position(decode(cursor, *scope))
    values = {"user_id": user_id, "before": before, "before_id": before_id, "limit": limit + 1, "now": now}
    rows = rows_of(ConversionRow, _CONVERSIONS, values, session)
    if not rows:
        raise UserNotFound
    found = [row for row in rows if row.id is not None]
    totals, last = rows[0], found[limit - 1] if len(found) > limit else None
    return {
        **_totals(totals.counts or {}),
        "pointsEarned": totals.earned,
        "lastActivityAt": totals.last_activity_at,
        **({"pendingCredits": [_pending(*item[:3]) for item in totals.pending]} if totals.pending else {}),
        "conversions": [_conversion(row, rules) for row in found[:limit]],
        "nextCursor": _cursor(last, *scope) if last is not None else None,
    }


def get_referral(session: Session, invite_id: UUID, *, now: datetime, rules: ReferralRules) -> Document:
    """One invite as the API shows it, within the current transaction."""
    (row,) = rows_of(InviteRow, _ONE, {"id": invite_id, "now": now}, session)
    return serialize_invite(row, rules)


def serialize_invite(row: InviteRow, rules: ReferralRules) -> Document:
    """A row of `_COLUMNS` as the API shows it."""
    return {
        "id": ulid(row.id),
        "code": row.code,
        "status": row.status,
        "channel": row.channel,
        "inviteeEmail": row.invitee_email,
        "inviteeName": row.invitee_name,
        "shareUrl": rules.link(row.code),
        "createdAt": row.created_at,
        "sentAt": row.sent_at,
        "expiresAt": row.expires_at,
        "convertedAt": row.converted_at,
        "cancelledAt": row.cancelled_at,
        "rewardPoints": row.reward_points,
        **({"notSentReason": row.not_sent_reason} if row.not_sent_reason else {}),
    }


def _conversion(row: ConversionRow, rules: ReferralRules) -> Document:
    due = [_pending(*item[:3])["dueAt"] for item in row.pending or [] if item[3] == ulid(row.id)]
    return {**serialize_invite(row, rules), **({"creditDueAt": due[0]} if due else {})}


def _quota(active: int, last_invite_at: datetime | None, now: datetime, rules: ReferralRules) -> Document:
    return {
        "max": rules.max_active,
        "active": active,
        "remaining": max(rules.max_active - active, 0),
        "cooldownSeconds": int(rules.cooldown.total_seconds()),
        "nextInviteAt": rules.next_invite_at(last_invite_at, now),
    }


def _totals(counts: dict[str, int]) -> Document:
    invites = {status.value: counts.get(status.value, 0) for status in InviteStatus}
    total = sum(invites.values())
    rate = round(invites["converted"] / total, 4) if total else 0.0
    return {"invites": {**invites, "total": total}, "conversionRate": rate}


def _pending(kind: str, points: int, due: float) -> Document:
    return {"entryType": kind, "points": points, "dueAt": datetime.fromtimestamp(due, UTC)}


def _position(stored: list[Any] | None) -> tuple[datetime, UUID | None]:
    if stored is None:
        return _LATEST, parse(_NEWEST)
    return _EPOCH + timedelta(microseconds=stored[0]), parse(stored[1])


def _cursor(last: ConversionRow, *scope: str) -> str:
    assert last.converted_at is not None
    return encode([(last.converted_at - _EPOCH) // timedelta(microseconds=1), ulid(last.id)], *scope)


def rows_of(kind: type[Row], statement: TextClause, values: Mapping[str, Any], session: Session | None) -> list[Row]:
    """All rows of a read, typed as `kind`: in the transaction of `session`, or outside any if that is None."""
    rows = read_all(statement, values) if session is None else session.execute(statement, values).all()
    return cast("list[Row]", rows)
