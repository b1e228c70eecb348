"""What leaves for a friend: in whose name and words, to which numbers, and how often one address is written to."""

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
# Texts reach these; premium, shared-cost and personal numbers, and those of no country, cost whoever writes to them.
_TEXTED = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('invites sent', 0))")
# Each is when the invite was sent that must be out of its window before another one may go; null: there is room.
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
    """What a member writes to a friend, as it may travel: without characters that cannot be seen.

    :raises ValueError: nothing of it can be seen, or it names a site: no link leaves but the invite's own.
    """
    seen = without_hidden(value).strip()
    if not seen:
        raise ValueError("must have characters that can be seen")
    if names_a_site(seen):
        raise ValueError("must not name a web address; put a space after each full stop")
    return seen


def clean_name(value: str) -> str:
    """A friend's name, as `clean_words`, in one line."""
    return " ".join(clean_words(value).split())


def first_name(name: str) -> str:
    """The name that friends know the member by; a neutral word where it would name a site or show nothing."""
    seen = without_hidden(name).split()
    return SOMEBODY if not seen or names_a_site(name) else seen[0]


def takes_texts(phone: str, countries: frozenset[str]) -> bool:
    """Whether an invite may go to this number (E.164) by SMS: a mobile one of a country that the programme texts to."""
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
    """Count one more invite that leaves for this address or number; `again` repeats one that may not have arrived.

    Whoever asks at the same moment waits until this transaction has ended.

    :raises problems.RecipientLimit: it was sent as many as anybody should get, or one by this member.
    :raises problems.DailyCap: the programme has sent as many as it may in 24 hours.
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
    """What is kept of whom an invite went to: a hash of the normalised address or number that needs the key to make."""
    return hmac.digest(key, f"{channel}:{plain_address(channel, address)}".encode(), hashlib.sha256)
