"""Invitations by email and SMS: to somebody who is no member, unless they asked for none."""

from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.core import clock, ids
from portal.core.db import unit_of_work
from portal.core.outbox import Claimed, consumes
from portal.members.models import Member
from portal.notifications import service as notifications
from portal.notifications.kinds import REFERRAL_INVITE
from portal.notifications.suppressions import hash_address, is_suppressed
from portal.referrals.closing import effective_status
from portal.referrals.invites import INVITE_TOPIC
from portal.referrals.models import OPEN, ReferralInvite


@consumes(INVITE_TOPIC)
def send_invite(message: Claimed) -> None:
    """Send an invitation, while it is open and its address wants one."""
    key = f"outbox:{ids.encode(message.id)}"
    with unit_of_work() as session:
        found = _find(session, message.payload)
    if found is None:
        notifications.suppress(key, REFERRAL_INVITE.name, "no_such_invite", user_id=None, details=message.payload)
        return
    invite, inviter, reason = found
    channel = notifications.ChannelName(invite.channel)
    if reason is not None:
        notifications.suppress(
            key, REFERRAL_INVITE.name, reason, user_id=None, channel=channel, details=message.payload
        )  # fmt: skip
        return
    _send(key, invite, inviter, channel, message.payload)


def _find(session: Session, payload: dict[str, Any]) -> tuple[ReferralInvite, str, str | None] | None:
    """The invite, the first name of who made it, and why it is not to be sent when there is a reason."""
    key = tuple(ids.parse(payload[name]) for name in ("member_id", "invite_id"))
    invite = session.get(ReferralInvite, key, populate_existing=True)
    if invite is None or _address(invite) is None:
        return None
    member = session.get_one(Member, invite.member_id)
    name = session.get_one(User, member.user_id).name.split()
    reason = None
    if effective_status(invite, clock.now()) not in OPEN:
        reason = "invite_closed"
    elif is_suppressed(session, invite.channel, _address(invite) or ""):
        reason = "unsubscribed"
    return invite, name[0] if name else "A member", reason


def _send(
    key: str, invite: ReferralInvite, inviter: str, channel: notifications.ChannelName, details: dict[str, Any]
) -> None:  # fmt: skip
    address = _address(invite) or ""
    token = notifications.make_token(channel.value, hash_address(channel.value, address).hex())  # type: ignore[arg-type]
    unsubscribe = notifications.absolute(f"/unsubscribe/{token}")
    content = notifications.render(
        REFERRAL_INVITE,
        {
            "inviter": inviter, "invitee": invite.invitee_name, "words": invite.message,
            "welcome_points": invite.welcome_points,
        },
        path=f"/r/{invite.code}", unsubscribe=unsubscribe,
    )  # fmt: skip
    notifications.send_once(
        key, REFERRAL_INVITE.name, channel, notifications.transport(current_app.config["SETTINGS"], channel),
        lambda reference: notifications.address_to(content, reference, address, unsubscribe), user_id=None,
        details=details,
    )  # fmt: skip


def _address(invite: ReferralInvite) -> str | None:
    return invite.invitee_email if invite.channel == "email" else invite.invitee_phone
