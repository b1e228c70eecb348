"""Making invites: for whom, within which quota and cooldown, under which code (CONTRACT rules 10 to 12)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import segno
from markupsafe import Markup
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from portal.accounts import User, normalize_email
from portal.members import Member
from portal.notifications import is_suppressed
from portal.platform import audit, ids, outbox
from portal.platform import ids as codes
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.problems import InvalidInput
from portal.platform.text import names_a_site
from portal.referrals import problems
from portal.referrals.converting.eligibility import demand_may_invite
from portal.referrals.models import STILL_OPEN, Channel, InviteStatus, ReferralActivity, ReferralInvite
from portal.referrals.outgoing import note_sending, takes_texts
from portal.referrals.rules import ReferralRules
from portal.referrals.standing import note_activity

INVITE_TOPIC = "message.referral_invite"
SUPPRESSED = "suppressed"
CODE_ATTEMPTS = 10
NewCode = Callable[[], str]

# SQL over an invite `i` that counts against its member's quota as of `:now`: open, or sent and taken back within a day.
AGAINST_QUOTA = f"""({STILL_OPEN}
    OR (i.status = 'cancelled' AND i.sent_at > CAST(:now AS timestamptz) - interval '24 hours'))"""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a member invites, by which channel and with which message; `device` is the browser it was written in."""

    channel: Channel = Channel.LINK
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    message: str | None = None
    metadata: Document = field(default_factory=dict)
    device: str | None = None

    @property
    def address(self) -> str | None:
        """Where we send it; None if the member passes the link on."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.phone, Channel.LINK: None}[self.channel]


def create_invite(
    session: Session,
    user_id: str,
    invitation: Invitation,
    *,
    now: datetime,
    rules: ReferralRules,
    new_code: NewCode = codes.new_code,
) -> ReferralInvite:
    """Invite someone, within the member's quota and cooldown; an email or SMS is sent after the commit.

    A suppressed address gets no message: the invite stays a draft, whose link can be passed on.

    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises problems.AddressUnverified: if the member has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises MemberSuspended: if the member may not invite.
    :raises problems.SelfReferral: if the invited address is the member's own (CONTRACT rule 10).
    :raises problems.SenderNamesSite: if the member's name reads like a web address.
    :raises InvalidInput: if the programme does not send SMS to that number.
    :raises problems.QuotaExceeded, problems.Cooldown: if there are too many invites, or it is too soon (CONTRACT rule
        11).
    :raises problems.RecipientLimit, problems.DailyCap: see `note_sending`.
    """
    member, user = demand_may_invite(session, user_id)
    _refuse_to_send(user, invitation, rules)
    _throttle(session, member.id, now, rules)
    invite = _issue(session, member.id, invitation, now, rules, new_code)
    note_activity(session, member.id, opened=1, invited_at=now, active_at=now, device=invitation.device)
    return invite


def issue_invite(
    session: Session,
    user_id: str,
    invitation: Invitation,
    act: Act,
    *,
    rules: ReferralRules,
    new_code: NewCode = codes.new_code,
) -> ReferralInvite:
    """Invite on a member's behalf, without quota and cooldown; the limits that protect friends apply. Audited.

    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises problems.AddressUnverified: if the member has not confirmed their address (CONTRACT-SHOP 9.1).
    :raises MemberSuspended: if the member may not invite.
    :raises problems.SelfReferral: if the invited address is the member's own (CONTRACT rule 10).
    :raises problems.SenderNamesSite, InvalidInput, problems.RecipientLimit, problems.DailyCap: see `create_invite`.
    """
    member, user = demand_may_invite(session, user_id)
    _refuse_to_send(user, invitation, rules)
    invite = _issue(session, member.id, invitation, act.now, rules, new_code)
    note_activity(session, member.id, opened=1, active_at=act.now)
    audit.record(
        session,
        act,
        action="referral.issue",
        object_type="referral",
        object_id=ids.encode(invite.id),
        after={"code": invite.code, "status": invite.status, "channel": invite.channel},
    )
    return invite


def insert_invite(session: Session, member_id: UUID, values: dict[str, Any], new_code: NewCode) -> ReferralInvite:
    """Insert an invite with a new code; draws another if an invite or a member has that code (CONTRACT rule 12)."""
    for _ in range(CODE_ATTEMPTS):
        code = new_code()
        if session.scalar(select(Member.id).where(Member.referral_code == code)) is not None:
            continue
        invite: ReferralInvite | None = session.scalar(
            insert(ReferralInvite)
            .values(member_id=member_id, id=ids.new_id(), code=code, **values)
            .on_conflict_do_nothing(index_elements=["code"])
            .returning(ReferralInvite)
        )
        if invite is not None:
            return invite
    raise RuntimeError("no free referral code was found")


def _refuse_to_send(user: User, invitation: Invitation, rules: ReferralRules) -> None:
    if invitation.email is not None and normalize_email(invitation.email) == user.email_normalized:
        raise problems.SelfReferral("That is your own address.")
    if invitation.address is not None and names_a_site(user.name):
        raise problems.SenderNamesSite
    number = invitation.phone if invitation.channel is Channel.SMS else None
    if number is not None and not takes_texts(number, rules.sms_countries):
        raise InvalidInput(("inviteePhone", "is no mobile number of a country that the programme texts to"))


def _throttle(session: Session, member_id: UUID, now: datetime, rules: ReferralRules) -> None:
    active = count_against_quota(session, member_id, now)
    if active >= rules.max_active:
        raise problems.QuotaExceeded(rules.max_active, active)
    last = session.scalar(select(ReferralActivity.last_invite_at).where(ReferralActivity.member_id == member_id))
    again = rules.next_invite_at(last, now)
    if again is not None:
        raise problems.Cooldown((again - now).total_seconds())


def count_against_quota(session: Session, member_id: UUID, now: datetime) -> int:
    """How many invites count: the open ones, and those sent in the last 24 hours and cancelled."""
    invite = aliased(ReferralInvite, name="i")
    counted = select(func.count()).where(invite.member_id == member_id, text(AGAINST_QUOTA))
    return session.scalar(counted, {"now": now}) or 0


def _issue(
    session: Session, member_id: UUID, invitation: Invitation, now: datetime, rules: ReferralRules, new_code: NewCode
) -> ReferralInvite:
    address, channel = invitation.address, invitation.channel
    silent = address is not None and is_suppressed(session, channel, address)
    if address is not None and not silent:
        note_sending(session, member_id, channel, address, now=now, rules=rules)
    values = {
        "status": InviteStatus.DRAFT if silent else InviteStatus.SENT,
        "channel": channel,
        "invitee_email": invitation.email,
        "invitee_email_normalized": normalize_email(invitation.email) if invitation.email else None,
        "invitee_name": invitation.name,
        "invitee_phone": invitation.phone,
        "message": invitation.message,
        "invite_metadata": invitation.metadata,
        "inviter_device": invitation.device,
        "not_sent_reason": SUPPRESSED if silent else None,
        "created_at": now,
        "sent_at": None if silent else now,
        "expires_at": now + rules.life,
        "reward_points": rules.bonus,
        "welcome_points": rules.welcome,
    }
    invite = insert_invite(session, member_id, values, new_code)
    if address is not None and not silent:
        _put_message(session, invite)
    return invite


def send_again(session: Session, invite: ReferralInvite, *, now: datetime, rules: ReferralRules) -> None:
    """Send an open invite once more, in case it did not reach the friend.

    :raises problems.RecipientLimit, problems.DailyCap: see `note_sending`.
    """
    assert invite.address is not None
    note_sending(session, invite.member_id, invite.channel, invite.address, now=now, rules=rules, again=True)
    _put_message(session, invite, dedupe=None)


def _put_message(session: Session, invite: ReferralInvite, dedupe: str | None = "invite_id") -> None:
    message = {"invite_id": ids.encode(invite.id), "member_id": ids.encode(invite.member_id)}
    outbox.put(session, INVITE_TOPIC, [message], dedupe=dedupe)


def qr_svg(url: str) -> Markup:
    """The QR code of a link as an inline SVG that fills its frame, without style attributes."""
    code = segno.make_qr(url, error="m")
    return Markup(code.svg_inline(omitsize=True, border=2, svgclass=None, lineclass=None))  # noqa: S704 - a drawing, of a link
