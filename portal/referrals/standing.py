"""The state of invites: open, cancelled or expired; and one row per member who refers, updated with every invite.

Segments and quotas read that row, and never the ledger.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.orm import Session

from portal.members import Member, lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.referrals import problems
from portal.referrals.models import OPEN, InviteStatus, ReferralInvite

_NOTE = text("""
    INSERT INTO loyalty_referral_activity AS a (member_id, open_invites, last_invite_at, last_activity_at, device)
    VALUES (:member_id, greatest(CAST(:opened AS integer), 0), CAST(:invited_at AS timestamptz),
            CAST(:active_at AS timestamptz), CAST(:device AS text))
    ON CONFLICT (member_id) DO UPDATE SET
        open_invites = a.open_invites + :opened,
        last_invite_at = greatest(a.last_invite_at, excluded.last_invite_at),
        last_activity_at = greatest(a.last_activity_at, excluded.last_activity_at),
        device = coalesce(excluded.device, a.device)
""")
_CLOSE = text("""
    UPDATE loyalty_referral_activity a SET open_invites = a.open_invites - c.closed
    FROM (SELECT member_id, count(*) AS closed FROM unnest(CAST(:member_ids AS uuid[])) AS u(member_id) GROUP BY 1) c
    WHERE a.member_id = c.member_id
""")
_DEVICE = text("""
    INSERT INTO loyalty_referral_activity AS a (member_id, device) SELECT id, :device FROM loyalty_members
    WHERE user_id = :user_id
    ON CONFLICT (member_id) DO UPDATE SET device = excluded.device WHERE a.device IS DISTINCT FROM excluded.device
""")


def cancel_invite(session: Session, invite_id: UUID, act: Act, *, only_user_id: str | None = None) -> ReferralInvite:
    """Cancel an open invite; its data is kept. Cancelling twice changes nothing.

    It is written to the audit log, unless members cancel their own without a reason.

    :raises problems.ReferralNotFound: if there is no such invite, or it is not of `only_user_id`.
    :raises problems.NotCancellable: if it was converted, or has expired.
    """
    owner = session.execute(
        select(Member.id, Member.user_id)
        .join(ReferralInvite, ReferralInvite.member_id == Member.id)
        .where(ReferralInvite.id == invite_id)
        .with_for_update(of=Member)
    ).first()
    if owner is None or (only_user_id is not None and owner.user_id != only_user_id):
        raise problems.ReferralNotFound
    invite = session.get_one(ReferralInvite, (owner.id, invite_id), populate_existing=True)
    status = effective_status(invite, act.now)
    if status == InviteStatus.CANCELLED:
        return invite
    if status not in OPEN:
        raise problems.NotCancellable(status)
    invite.status, invite.cancelled_at = InviteStatus.CANCELLED, act.now
    session.flush()
    note_closed(session, [invite.member_id])
    if act.reason or act.actor != f"user:{owner.user_id}":
        audit.record(
            session,
            act,
            action="referral.cancel",
            object_type="referral",
            object_id=ids.encode(invite.id),
            before={"status": status},
            after={"status": invite.status},
        )
    return invite


def expire_invites(session: Session, now: datetime, limit: int = 500) -> int:
    """Close up to `limit` open invites that are past their date; returns how many, 0 when none is left."""
    due = ReferralInvite.status.in_(OPEN) & (ReferralInvite.expires_at <= now)
    found = session.execute(
        select(ReferralInvite.member_id, ReferralInvite.id).where(due).order_by(ReferralInvite.expires_at).limit(limit)
    ).all()
    if not found:
        return 0
    lock_members(session, {row.member_id for row in found})
    closed = session.scalars(
        update(ReferralInvite)
        .where(ReferralInvite.id.in_([row.id for row in found]), due)
        .values(status=InviteStatus.EXPIRED)
        .returning(ReferralInvite.member_id)
        .execution_options(synchronize_session=False)
    ).all()
    note_closed(session, list(closed))
    return len(found)


def still_open(now: datetime) -> ColumnElement[bool]:
    """Whether an invite's code works as of now, as a condition."""
    return ReferralInvite.status.in_(OPEN) & (ReferralInvite.expires_at > now)


def effective_status(invite: ReferralInvite, now: datetime) -> str:
    """The status as of now: an open invite past its date has expired, whether or not the sweep has reached it."""
    return InviteStatus.EXPIRED if invite.status in OPEN and invite.expires_at <= now else invite.status


def note_activity(
    session: Session,
    member_id: UUID,
    *,
    opened: int = 0,
    invited_at: datetime | None = None,
    active_at: datetime | None = None,
    device: str | None = None,
) -> None:
    """Record that invites were opened (or, negative, closed), and when; the caller holds the member's row lock."""
    values = {
        "member_id": member_id,
        "opened": opened,
        "invited_at": invited_at,
        "active_at": active_at,
        "device": device,
    }
    session.execute(_NOTE, values)


def note_closed(session: Session, member_ids: list[UUID]) -> None:
    """Record one closed invite for each id given, repeated ones counting each; the caller holds the row locks."""
    session.execute(_CLOSE, {"member_ids": member_ids})


def note_device(session: Session, user_id: str, device: str) -> None:
    """Remember the browser a member refers from, for the signal `same_device`."""
    session.execute(_DEVICE, {"user_id": user_id, "device": device})
