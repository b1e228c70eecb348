"""Signs that two sides of a referral may be one person. They are recorded for review and block nothing."""

import re
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import User
from portal.referrals.codes import normalize_code
from portal.referrals.models import ReferralInvite

VELOCITY_WINDOW, VELOCITY_MANY = timedelta(hours=24), 5
ALIKE = 0.85
PUBLIC_DOMAINS = frozenset(
    {
        "gmail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.com",
        "proton.me",
        "protonmail.com",
        "yandex.ru",
        "mail.ru",
        "qq.com",
        "163.com",
    }
)
# What each signal says of a conversion.
MEANINGS = {
    "same_device": "The friend registered in the browser that the member invites from.",
    "device_reused": "Another friend of this member came from the same browser.",
    "same_phone": "Both sides, or the member and the invited number, have one phone number.",
    "velocity": f"It was at least the member's {VELOCITY_MANY}th conversion within 24 hours.",
    "existing_customer": "The friend had an account before the invite was made.",
    "ordered_before": "The friend had ordered before they were invited.",
    "circle": "The friend has brought the member, directly or through others.",
    "same_address_domain": "Both addresses are of one private mail domain.",
    "lookalike_domain": "The domains of both addresses look alike and are not the same.",
    "similar_address": "The names before the @ of both addresses are nearly the same.",
}

_SEEN = text("""
    SELECT (SELECT device FROM loyalty_referral_activity WHERE member_id = :member_id),
           EXISTS (SELECT FROM loyalty_referral_invites
                   WHERE member_id = :member_id AND id <> :id AND referee_device = :device),
           (SELECT count(*) FROM loyalty_referral_invites
            WHERE member_id = :member_id AND status = 'converted' AND converted_at > :since)
""")


def find_signals(session: Session, invite: ReferralInvite, referrer: User, referee: User, now: datetime) -> list[str]:
    """The signals of a conversion that is about to be made, by name.

    `MEANINGS` lists them. `existing_customer` does not apply to a shared code: its own invite is made after the
    account.
    """
    device = invite.referee_device
    values = {"member_id": invite.member_id, "id": invite.id, "device": device, "since": now - VELOCITY_WINDOW}
    member_device, reused, recent = session.execute(_SEEN, values).one()
    found = {
        "same_device": device is not None and device in (invite.inviter_device, member_device),
        "device_reused": device is not None and reused,
        "same_phone": _same_phone(referrer.phone_number or None, referee.phone_number, invite.invitee_phone),
        "velocity": recent + 1 >= VELOCITY_MANY,
        "existing_customer": invite.shared_code is None and referee.created_at < invite.created_at,
    }
    named = [name for name, true in found.items() if true]
    return named + address_signals(referrer.email_normalized or "", referee.email_normalized or "")


def address_signals(one: str, other: str) -> list[str]:
    """What two normalised addresses have in common."""
    (local, _, domain), (other_local, _, other_domain) = one.rpartition("@"), other.rpartition("@")
    signals = []
    if domain == other_domain and domain not in PUBLIC_DOMAINS:
        signals.append("same_address_domain")
    if domain != other_domain and _skeleton(domain) == _skeleton(other_domain):
        signals.append("lookalike_domain")
    if _alike(_letters(local), _letters(other_local)):
        signals.append("similar_address")
    return signals


def _same_phone(referrer: str | None, *others: str | None) -> bool:
    return referrer is not None and referrer in others


def _letters(local: str) -> str:
    return re.sub(r"[\d._-]", "", local)


def _alike(one: str, other: str) -> bool:
    return len(one) > 3 and SequenceMatcher(None, one, other).ratio() >= ALIKE


def _skeleton(domain: str) -> str:
    """The domain with letters of other alphabets, and digits, read as the Latin letters they resemble."""
    try:
        shown = domain.encode("ascii").decode("idna")
    except UnicodeError:
        shown = domain
    return normalize_code(shown).translate(str.maketrans("01", "OL")).replace("I", "L")
