"""Invitations by email and SMS, unless the address is suppressed."""

from typing import Any

from sqlalchemy.orm import Session

from portal import notifications
from portal.accounts import User
from portal.members import Member
from portal.notifications import REFERRAL_INVITE, hash_address, is_suppressed
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.documents import Document
from portal.platform.outbox import Claimed
from portal.platform.settings import current_settings
from portal.platform.text import names_a_site, without_hidden
from portal.referrals.converting.eligibility import may_refer
from portal.referrals.models import OPEN, Channel, ReferralInvite
from portal.referrals.outgoing import first_name, takes_texts
from portal.referrals.rules import ReferralRules
from portal.referrals.standing import effective_status


def send_invite(message: Claimed) -> None:
    """Send an invitation if it is still open and its address is not suppressed."""
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
        )
        return
    _send(key, invite, inviter, channel, message.payload)


def _find(session: Session, payload: dict[str, Any]) -> tuple[ReferralInvite, str, str | None] | None:
    """The invite, its inviter's first name, and the reason not to send it (None: send it)."""
    key = tuple(ids.parse(payload[name]) for name in ("member_id", "invite_id"))
    invite = session.get(ReferralInvite, key, populate_existing=True)
    if invite is None or invite.address is None:
        return None
    member = session.get_one(Member, invite.member_id)
    user = session.get_one(User, member.user_id)
    return invite, first_name(user.name), _why_not(session, invite, member, user)


def _why_not(session: Session, invite: ReferralInvite, member: Member, user: User) -> str | None:
    """The reason not to send this invite now; None: send it."""
    countries = ReferralRules.of(current_settings()).sms_countries
    if effective_status(invite, clock.now()) not in OPEN:
        return "invite_closed"
    if not may_refer(member, user):
        return "member_suspended"
    if is_suppressed(session, invite.channel, invite.address or ""):
        return "unsubscribed"
    if invite.channel == Channel.SMS and not takes_texts(invite.invitee_phone or "", countries):
        return "number_not_texted"
    return None


def _send(
    key: str, invite: ReferralInvite, inviter: str, channel: notifications.ChannelName, details: Document
) -> None:
    address = invite.address or ""
    whom = channel.value
    token = notifications.make_token(whom, hash_address(whom, address).hex())  # type: ignore[arg-type]  # no push here
    unsubscribe = notifications.absolute(f"/unsubscribe/{token}")
    content = notifications.render(
        REFERRAL_INVITE,
        {
            "inviter": inviter,
            "invitee": _harmless(invite.invitee_name),
            "words": _harmless(invite.message),
            "welcome_points": invite.welcome_points,
            "on_order": not ReferralRules.of(current_settings()).convert_at_registration,
        },
        path=f"/r/{invite.code}",
        unsubscribe=unsubscribe,
    )
    notifications.send_once(
        key,
        REFERRAL_INVITE.name,
        channel,
        notifications.transport(current_settings(), channel),
        lambda reference: notifications.address_to(content, reference, address, unsubscribe),
        user_id=None,
        details=details,
    )


def _harmless(written: str | None) -> str | None:
    """The text without hidden characters; None if it names a web address. It may predate the checks on input."""
    return None if written is None or names_a_site(written) else without_hidden(written)
