"""Sending a message again: as a new message, for which consent and suppression are checked again.

A failed message has certainly not arrived, so sending it again is safe. An uncertain one may have: no worker sends it
again by itself, and an operator who does so here is told that it may arrive twice.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.members import Member
from portal.notifications import Message, MessageStatus
from portal.platform import audit, ids, outbox
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.models import AuditEntry, OutboxMessage
from portal.platform.problems import Conflict, NotFound
from portal.referrals import OPEN, Channel, ReferralInvite, ReferralRules, effective_status, send_again

RESENDABLE = (MessageStatus.FAILED, MessageStatus.UNCERTAIN)
PAUSE = timedelta(hours=24)


def get_message(session: Session, user_id: str, message_id: UUID) -> Message:
    """The message, if it was for this user.

    :raises NotFound: if there is none, or it is somebody else's.
    """
    message = session.get(Message, message_id)
    if message is None or message.user_id != user_id:
        raise NotFound
    return message


def resend_message(session: Session, user_id: str, message_id: UUID, act: Act) -> None:
    """Request the message again. Written to the audit log.

    :raises NotFound: if there is no such message to this user.
    :raises Conflict: if it neither failed nor is uncertain, was sent again within 24 hours, or its outbox message is
        gone.
    """
    message = get_message(session, user_id, message_id)
    if message.status not in RESENDABLE:
        raise Conflict("Only a message that failed, or whose end is unknown, can be sent again.")
    key = ids.parse(message.dedupe_key.removeprefix("outbox:"))
    asked = session.get(OutboxMessage, key) if key else None  # a nudge does not come from the outbox
    if asked is None:
        raise Conflict("What asked for this message is not kept any more, so it cannot be written again.")
    _once_a_day(session, "message", ids.encode(message_id), act.now)
    outbox.put(session, asked.topic, [asked.payload])
    _record(session, "message", ids.encode(message_id), {"status": message.status, "user": user_id}, act)


def get_invite(session: Session, user_id: str, invite_id: UUID) -> ReferralInvite:
    """The invite, if it is this user's.

    :raises NotFound: if there is none, or it is somebody else's.
    """
    statement = select(ReferralInvite).join(Member, Member.id == ReferralInvite.member_id)
    found = session.scalar(statement.where(ReferralInvite.id == invite_id, Member.user_id == user_id))
    if found is None:
        raise NotFound
    return found


def resend_invite(session: Session, user_id: str, invite_id: UUID, act: Act, *, rules: ReferralRules) -> None:
    """Send an open invite to the friend once more. Written to the audit log.

    :raises NotFound: if there is no such invite of this user.
    :raises Conflict: if it is a link, is closed, or was sent again within 24 hours.
    :raises portal.referrals.problems.RecipientLimit, portal.referrals.problems.DailyCap: see `send_again`.
    """
    invite = get_invite(session, user_id, invite_id)
    if invite.channel == Channel.LINK:
        raise Conflict("The member passes this link on; we have nowhere to send it.")
    if effective_status(invite, act.now) not in OPEN:
        raise Conflict("This invite is closed, so the friend could not use it.")
    _once_a_day(session, "referral", ids.encode(invite_id), act.now)
    send_again(session, invite, now=act.now, rules=rules)
    _record(session, "referral", ids.encode(invite_id), {"status": invite.status, "user": user_id}, act)


def _once_a_day(session: Session, object_type: str, object_id: str, now: datetime) -> None:
    """Refuse what was sent again within `PAUSE`; concurrent callers wait until this transaction has ended."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"resend:{object_type}:{object_id}", 0))))
    sent = select(AuditEntry.id).where(
        AuditEntry.object_type == object_type,
        AuditEntry.object_id == object_id,
        AuditEntry.action == f"{object_type}.resend",
        AuditEntry.at > now - PAUSE,
    )
    if session.scalar(sent.limit(1)) is not None:
        raise Conflict("It was sent again within the last 24 hours. Give it a day.")


def _record(session: Session, object_type: str, object_id: str, before: Document, act: Act) -> None:
    audit.record(
        session,
        act,
        action=f"{object_type}.resend",
        object_type=object_type,
        object_id=object_id,
        before=before,
        after={"asked": "again"},
    )
