"""Who gets a message, and whether, when and how they want it; read again at every attempt (CONTRACT rule 17)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.accounts import Preferences, User, get_preferences
from portal.notifications.kinds import Kind
from portal.notifications.models import ChannelName


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user as messages see them. `addresses` are where they can be reached, by channel."""

    user_id: str
    name: str
    locale: str | None
    timezone: str | None
    addresses: dict[ChannelName, str]
    preferences: Preferences
    verified: bool = True

    @property
    def first_name(self) -> str:
        """How a message addresses them; empty while unverified, as somebody else may have chosen the name."""
        return self.name.split()[0] if self.verified and self.name.split() else ""


def get_recipient(session: Session, user_id: str) -> Recipient | None:
    """A user who can be written to; None when there is none, or they are disabled."""
    user = session.get(User, user_id, populate_existing=True)
    if user is None or user.disabled_at is not None:
        return None
    found = {ChannelName.EMAIL: user.email, ChannelName.SMS: user.phone_number, ChannelName.PUSH: user.push_token}
    addresses = {channel: address for channel, address in found.items() if address}
    preferences, verified = get_preferences(session, user_id), user.email_verified_at is not None
    return Recipient(user.id, user.name, user.locale, user.timezone, addresses, preferences, verified)


def refusal(recipient: Recipient, kind: Kind) -> str | None:
    """Why this person gets no message of this kind, or None if they do.

    They do not want it (`marketing_off`, `kind_muted`), or their address is not verified (`address_unverified`,
    CONTRACT-SHOP 9.1).
    """
    if not recipient.verified and not kind.proves_address:
        return "address_unverified"
    if not kind.marketing:
        return None
    if not recipient.preferences.marketing_messages:
        return "marketing_off"
    return "kind_muted" if kind.name in recipient.preferences.muted_kinds else None


def choose_channel(recipient: Recipient, kind: Kind) -> ChannelName | None:
    """The first channel of the kind that reaches the person and, for marketing, that they allow."""
    for channel in kind.channels:
        wanted = not kind.marketing or recipient.preferences.allows(channel.value)
        if wanted and channel in recipient.addresses:
            return channel
    return None


def quiet_until(
    recipient: Recipient, now: datetime, zone: ZoneInfo, default: tuple[time, time] | None
) -> datetime | None:
    """When the person's quiet hours end, in their own time zone (or `zone`); None outside them.

    If they have chosen none, the programme's apply: `default` (CONTRACT rule 17).
    """
    hours = recipient.preferences.quiet_hours(default)
    if hours is None:
        return None
    begin, end = hours
    own = ZoneInfo(recipient.timezone) if recipient.timezone else zone
    local = now.astimezone(own)
    clock_time = local.time()
    inside = begin <= clock_time < end if begin < end else clock_time >= begin or clock_time < end
    if not inside:
        return None
    return _next(local, end, own)


def _next(local: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first moment after `local` at which local clocks show `at`, even when an hour repeats in autumn."""
    day = local.date() if at > local.time() else local.date() + timedelta(days=1)
    first, second = (datetime.combine(day, at, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if first > local.astimezone(UTC) else second
