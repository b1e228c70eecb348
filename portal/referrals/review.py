"""What operators see of one referral, and their review of its signals."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document
from portal.platform.problems import Conflict
from portal.referrals import problems
from portal.referrals.models import EFFECTIVE_STATUS

_ONE = text(f"""
    SELECT i.id, i.code, i.channel, i.created_at, i.sent_at, i.expires_at, i.converted_at, i.cancelled_at,
           i.invitee_email, i.invitee_name, i.invitee_phone, i.message, i.not_sent_reason, i.shared_code,
           i.attributed_at, i.order_reference, i.reward_points, i.welcome_points, i.signals, w.due_at,
           i.reviewed_at, i.reviewed_by, i.review_note, i.metadata AS notes,
           i.reversed_at, i.voided,
           {EFFECTIVE_STATUS} AS status,
           u.id AS user_id, u.name, u.email, m.referral_code, m.status AS member_status,
           f.id AS referee_id, f.name AS referee_name, f.email AS referee_email, f.created_at AS referee_since
    FROM loyalty_referral_invites i
    JOIN loyalty_members m ON m.id = i.member_id JOIN users u ON u.id = m.user_id
    LEFT JOIN users f ON f.id = coalesce(i.referee_user_id, i.attributed_user_id)
    CROSS JOIN LATERAL (
        SELECT min(activates_at) AS due_at FROM loyalty_pending_credits
        WHERE source = 'referral' AND external_id = ulid_text(i.id) AND activated_at IS NULL AND points > 0) w
    WHERE i.id = :id
""")
_CREDITS = text("""
    SELECT e.id, e.effect, e.amount, e.occurred_at, p.user_id
    FROM loyalty_referral_invites i
    JOIN loyalty_members p ON p.id = i.member_id OR p.user_id = i.referee_user_id
    JOIN loyalty_ledger_entries e ON e.member_id = p.id AND e.source = 'referral' AND e.external_id = :ulid
    WHERE i.id = :id ORDER BY p.id = i.member_id DESC, e.seq
""")
_SAME_BROWSER = text("""
    SELECT o.id, o.code, o.converted_at, coalesce(o.referee_user_id, o.attributed_user_id) AS referee_id
    FROM loyalty_referral_invites i
    JOIN loyalty_referral_invites o
        ON o.member_id = i.member_id AND o.referee_device = i.referee_device AND o.id <> i.id
    WHERE i.id = :id ORDER BY o.id DESC LIMIT 20
""")
_REVIEW = text("""
    UPDATE loyalty_referral_invites SET reviewed_at = :now, reviewed_by = :actor, review_note = :note
    WHERE id = :id AND signals <> '{}' AND reviewed_at IS NULL RETURNING signals
""")


class ReferralRow(NamedTuple):
    """An invite with both its sides; `referee_*` None: nobody has registered through it.

    `due_at` is when its pending credits become active; None: none are pending.
    """

    id: UUID
    code: str
    channel: str
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime
    converted_at: datetime | None
    cancelled_at: datetime | None
    invitee_email: str | None
    invitee_name: str | None
    invitee_phone: str | None
    message: str | None
    not_sent_reason: str | None
    shared_code: str | None
    attributed_at: datetime | None
    order_reference: str | None
    reward_points: int
    welcome_points: int
    signals: list[str]
    due_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: str | None
    review_note: str | None
    notes: Document
    reversed_at: datetime | None
    voided: bool
    status: str
    user_id: str
    name: str
    email: str
    referral_code: str
    member_status: str
    referee_id: str | None
    referee_name: str | None
    referee_email: str | None
    referee_since: datetime | None


class CreditRow(NamedTuple):
    """A ledger entry that an invite caused, and the user it belongs to."""

    id: UUID
    effect: str
    amount: int
    occurred_at: datetime
    user_id: str


class SameBrowserRow(NamedTuple):
    """Another invite whose friend, if any has registered, came from the same browser."""

    id: UUID
    code: str
    converted_at: datetime | None
    referee_id: str | None


class NothingToReview(Conflict):
    """The referral has no signals, or they were reviewed before."""

    code = "nothing_to_review"
    title = "Somebody reviewed this already, or there is nothing to review"


def get_referral(invite_id: UUID, now: datetime) -> ReferralRow:
    """One invite with both sides, as the console shows it.

    :raises problems.ReferralNotFound: if there is no such invite.
    """
    row: ReferralRow | None = read_one(_ONE, {"id": invite_id, "now": now})
    if row is None:
        raise problems.ReferralNotFound
    return row


def list_credits(invite_id: UUID) -> list[CreditRow]:
    """What the ledger has credited for an invite and taken back of it, the member's side first."""
    return read_all(_CREDITS, {"id": invite_id, "ulid": ids.encode(invite_id)})


def list_same_browser(invite_id: UUID) -> list[SameBrowserRow]:
    """The member's other invites whose friends came from the same browser, newest first, 20 at most."""
    return read_all(_SAME_BROWSER, {"id": invite_id})


def review_signals(session: Session, invite_id: UUID, act: Act) -> None:
    """Mark the signals of a conversion as reviewed; the reason says what was found. It changes no points.

    :raises NothingToReview: if there are none, or they are reviewed already.
    """
    values = {"id": invite_id, "now": act.now, "actor": act.actor, "note": act.reason}
    row = session.execute(_REVIEW, values).first()
    if row is None:
        raise NothingToReview
    audit.record(
        session,
        act,
        action="referral.review",
        object_type="referral",
        object_id=ids.encode(invite_id),
        before={"reviewed": False},
        after={"reviewed": True, "signals": row.signals},
    )
