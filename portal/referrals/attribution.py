"""Attribution: whose code a visitor followed, remembered until they register (CONTRACT rule 13)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import User
from portal.members import Member, lock_members
from portal.platform import ids
from portal.referrals.codes import Target, find_code
from portal.referrals.converting.eligibility import may_refer
from portal.referrals.invites import NewCode, insert_invite
from portal.referrals.models import OPEN, Channel, InviteStatus, ReferralInvite
from portal.referrals.outgoing import first_name
from portal.referrals.rules import ReferralRules
from portal.referrals.standing import effective_status, note_activity

LandingState = Literal["open", "unknown", "paused", "cancelled", "expired", "converted"]


@dataclass(frozen=True, slots=True)
class Landing:
    """What a code's page says: who invites, what both get, or why the code does not work.

    `paused`: the inviter is suspended or closed, and until that ends their codes do not work.
    """

    state: LandingState
    code: str = ""
    inviter: str = ""
    inviter_user_id: str = ""
    bonus: int = 0
    welcome: int = 0


def get_landing(session: Session, typed: str, *, now: datetime, rules: ReferralRules) -> Landing:
    """What a visitor of `/r/{code}` is told, whatever the spelling of the code."""
    target = find_code(session, typed)
    if target is None:
        return Landing("unknown")
    invite = session.get(ReferralInvite, (target.member_id, target.invite_id)) if target.invite_id else None
    if invite is not None and not _was_open(invite, now):
        return Landing(_closed(effective_status(invite, now)))
    owner = select(Member, User).join(User, User.id == Member.user_id).where(Member.id == target.member_id)
    member, user = session.execute(owner).one()
    if not may_refer(member, user):
        return Landing("paused")
    bonus, welcome = (invite.reward_points, invite.welcome_points) if invite else (rules.bonus, rules.welcome)
    return Landing("open", target.code, first_name(user.name), user.id, bonus, welcome)


def attribute_registration(
    session: Session, code: str, user: User, *, device: str | None, now: datetime, at: datetime, rules: ReferralRules
) -> ReferralInvite | None:
    """Bind a user whose address is now confirmed to the invite they followed; None if the code does not count for them.

    The user registered at `at`: an invite must have been open then. A personal code, or an invite that someone else has
    registered through, binds to a new invite of the same member. Binding extends the invite's life, so that it does not
    expire between registration and order.
    """
    landing = get_landing(session, code, now=at, rules=rules)
    target = find_code(session, landing.code)
    if landing.state != "open" or target is None or _same_person(session, landing.inviter_user_id, user):
        return None
    lock_members(session, [target.member_id])
    key = (target.member_id, target.invite_id)
    invite = session.get(ReferralInvite, key, populate_existing=True) if target.invite_id else None
    if invite is not None and not _was_open(invite, at):
        return None
    if invite is None or invite.attributed_user_id is not None:
        invite = insert_bound_invite(session, target, user, now=now, rules=rules)
    if invite.status == InviteStatus.EXPIRED:
        invite.status = InviteStatus.SENT
        note_activity(session, target.member_id, opened=1)
    invite.attributed_user_id, invite.attributed_at, invite.referee_device = user.id, now, device
    invite.expires_at = max(invite.expires_at, now + rules.life)
    session.flush()
    return invite


def insert_bound_invite(
    session: Session,
    target: Target,
    user: User | None,
    *,
    now: datetime,
    rules: ReferralRules,
    new_code: NewCode = ids.new_code,
) -> ReferralInvite:
    """Insert a link invite for a friend who used a shared code; quota and cooldown do not apply.

    The caller holds the member's row lock.
    """
    values = {
        "status": InviteStatus.SENT,
        "channel": Channel.LINK,
        "shared_code": target.code,
        "invitee_name": first_name(user.name) if user else None,
        "created_at": now,
        "sent_at": now,
        "expires_at": now + rules.life,
        "reward_points": rules.bonus,
        "welcome_points": rules.welcome,
    }
    invite = insert_invite(session, target.member_id, values, new_code)
    note_activity(session, target.member_id, opened=1, active_at=now)
    return invite


def _was_open(invite: ReferralInvite, at: datetime) -> bool:
    """Whether an invite was open at a moment, even if it has expired since."""
    return invite.status in (*OPEN, InviteStatus.EXPIRED) and invite.expires_at > at


def _closed(status: str) -> LandingState:
    states: dict[str, LandingState] = {
        InviteStatus.CANCELLED: "cancelled",
        InviteStatus.EXPIRED: "expired",
        InviteStatus.CONVERTED: "converted",
        InviteStatus.REVERSED: "converted",
    }
    return states[status]


def _same_person(session: Session, inviter_user_id: str, user: User) -> bool:
    own = session.scalar(select(User.email_normalized).where(User.id == inviter_user_id))
    return own is not None and own == user.email_normalized
