"""How invites end without a friend: taken back, or run out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal.members import Member, lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.referrals import problems
from portal.referrals.activity import note_closed
from portal.referrals.models import OPEN, InviteStatus, ReferralInvite


def cancel_invite(session: Session, invite_id: UUID, act: Act, *, only_user_id: str | None = None) -> ReferralInvite:
    """Take an open invite back; what is known of it stays. Cancelling twice changes nothing.

    The audit log keeps it, with its reason, unless members take their own back.

    :raises problems.ReferralNotFound: no such invite, or not of `only_user_id`.
    :raises problems.NotCancellable: it was converted, or has run out.
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
