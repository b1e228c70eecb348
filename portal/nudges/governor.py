"""Decides whether a nudge may be sent now, and by which channel (CONTRACT rules 16 and 17). It does no I/O."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.notifications import NUDGE, ChannelName, Recipient, choose_channel, quiet_until, refusal
from portal.nudges.reasons import REFUSALS, Reason

# When to decide again if nothing says when the answer may change: the member may consent, or add a phone number.
ASK_AGAIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Situation:
    """The governor's input, read under the member's row lock.

    `sent_today` and `last_of_campaign` include messages being sent: claims that have not ended. `zone` and
    `quiet_hours` are the programme's, for members who have chosen none.
    """

    now: datetime
    suspended: bool
    recipient: Recipient | None
    channels: tuple[ChannelName, ...]
    refused_channels: Collection[ChannelName]
    cap: timedelta
    last_of_campaign: datetime | None
    sent_today: int
    daily_cap: int
    zone: ZoneInfo
    quiet_hours: tuple[time, time] | None


@dataclass(frozen=True, slots=True)
class Send:
    """It may be sent now, by this channel."""

    channel: ChannelName


@dataclass(frozen=True, slots=True)
class Hold:
    """It may not be sent; decide again at `until`. `deferred`: it only has to wait."""

    reason: Reason
    until: datetime
    deferred: bool = False


def decide(about: Situation) -> Send | Hold:
    """Send by the first channel of the campaign that reaches the member and that they allow, or hold with a reason.

    Consent is checked before caps, and caps before quiet hours, so that the reason that lasts longest is given.
    """
    again = about.now + ASK_AGAIN
    if about.suspended:
        return Hold(Reason.MEMBER_SUSPENDED, again)
    if about.recipient is None:
        return Hold(Reason.NO_SUCH_USER, again)
    kind = replace(NUDGE, channels=tuple(c for c in about.channels if c not in about.refused_channels))
    unwanted = refusal(about.recipient, kind)
    if unwanted is not None:
        return Hold(REFUSALS[unwanted], again)
    channel = choose_channel(about.recipient, kind)
    if channel is None:
        return Hold(Reason.NO_CHANNEL, again)
    return _capped(about) or _quiet(about, about.recipient) or Send(channel)


def begin_of_day(recipient: Recipient | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When the member's day began, in their own time zone (or `zone`)."""
    own = _own_zone(recipient, zone)
    return datetime.combine(now.astimezone(own).date(), time(), tzinfo=own).astimezone(UTC)


def _capped(about: Situation) -> Hold | None:
    if about.last_of_campaign is not None and about.last_of_campaign + about.cap > about.now:
        return Hold(Reason.CAMPAIGN_CAP, about.last_of_campaign + about.cap)
    if about.sent_today >= about.daily_cap:
        own = _own_zone(about.recipient, about.zone)
        tomorrow = about.now.astimezone(own).date() + timedelta(days=1)
        return Hold(Reason.DAILY_CAP, datetime.combine(tomorrow, time(), tzinfo=own).astimezone(UTC))
    return None


def _quiet(about: Situation, recipient: Recipient) -> Hold | None:
    until = quiet_until(recipient, about.now, about.zone, about.quiet_hours)
    return None if until is None else Hold(Reason.QUIET_HOURS, until, deferred=True)


def _own_zone(recipient: Recipient | None, zone: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(recipient.timezone) if recipient is not None and recipient.timezone else zone
