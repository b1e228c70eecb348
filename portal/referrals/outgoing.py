"""What may be sent to a friend: the member's name and message, which numbers, and how often to one address."""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.notifications import plain_address
from portal.platform import ids
from portal.platform.text import names_a_site, without_hidden
from portal.referrals import problems
from portal.referrals.models import Channel, InviteRecipient
from portal.referrals.rules import ReferralRules

DAY = timedelta(hours=24)
SOMEBODY = "A friend"
# Types of numbers that get SMS. Premium, shared-cost and personal numbers, and those of no country, charge the sender.
_TEXTED = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('invites sent', 0))")
# Each is the sending time of the invite that must leave its window before another may be sent; null: none has to.
_LAST = text("""
    SELECT (SELECT sent_at FROM loyalty_invite_recipients
            WHERE recipient = :recipient AND sent_at > :window AND :by_member AND member_id = :member_id
            ORDER BY sent_at DESC LIMIT 1) AS own,
           (SELECT sent_at FROM loyalty_invite_recipients WHERE recipient = :recipient AND sent_at > :window
            ORDER BY sent_at DESC OFFSET :most - 1 LIMIT 1) AS anybodys,
           (SELECT sent_at FROM loyalty_invite_recipients WHERE sent_at > :day
            ORDER BY sent_at DESC OFFSET :cap - 1 LIMIT 1) AS programmes
""")


def clean_words(value: str) -> str:
    """Clean what a member writes to a friend: removes invisible characters.

    :raises ValueError: if no visible character is left, or it names a web address: only the invite's own link is sent.
    """
    seen = without_hidden(value).strip()
    if not seen:
        raise ValueError("must have characters that can be seen")
    if names_a_site(seen):
        raise ValueError("must not name a web address; put a space after each full stop")
    return seen


def clean_name(value: str) -> str:
    """Clean a friend's name as `clean_words` does, in one line."""
    return " ".join(clean_words(value).split())


def first_name(name: str) -> str:
    """The first word of a member's name, for friends; `SOMEBODY` if the name is invisible or names a web address."""
    seen = without_hidden(name).split()
    return SOMEBODY if not seen or names_a_site(name) else seen[0]


def takes_texts(phone: str, countries: frozenset[str]) -> bool:
    """Whether an invite may go to this number (E.164) by SMS: a mobile number of one of `countries`."""
    number = phonenumbers.parse(phone, None)
    listed = phonenumbers.region_code_for_number(number) in countries
    return listed and phonenumbers.number_type(number) in _TEXTED


def note_sending(
    session: Session,
    member_id: UUID,
    channel: Channel | str,
    address: str,
    *,
    now: datetime,
    rules: ReferralRules,
    again: bool = False,
) -> None:
    """Record or refuse one more invite to this address or number; `again` repeats one that may not have arrived.

    Concurrent callers wait until this transaction has ended.

    :raises problems.RecipientLimit: if it was sent the maximum per recipient, or (unless `again`) one by this member.
    :raises problems.DailyCap: if the programme has sent its maximum in 24 hours.
    """
    recipient = hash_recipient(channel, address, rules.recipient_key)
    session.execute(_ONE_AT_A_TIME)
    last = session.execute(
        _LAST,
        {
            "recipient": recipient,
            "member_id": member_id,
            "by_member": not again,
            "window": now - rules.recipient_window,
            "most": rules.recipient_max,
            "day": now - DAY,
            "cap": rules.daily_cap,
        },
    ).one()
    if taken := [sent for sent in (last.own, last.anybodys) if sent is not None]:
        raise problems.RecipientLimit((max(taken) + rules.recipient_window - now).total_seconds())
    if last.programmes is not None:
        raise problems.DailyCap((last.programmes + DAY - now).total_seconds())
    values: dict[str, Any] = {"id": ids.new_id(), "recipient": recipient, "member_id": member_id, "sent_at": now}
    session.add(InviteRecipient(**values))
    session.flush()


def hash_recipient(channel: Channel | str, address: str, key: bytes) -> bytes:
    """The stored form of an invite's recipient: a keyed hash of the normalised address or number."""
    return hmac.digest(key, f"{channel}:{plain_address(channel, address)}".encode(), hashlib.sha256)
