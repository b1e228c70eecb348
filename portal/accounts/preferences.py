"""What a user lets us send, on which channels and when; `marketing_messages` stands above the rest."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import time

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.consent import Origin, change_consent
from portal.accounts.models import NotificationPreferences, User
from portal.core import clock

# Quiet hours that end when they begin: messages may come at any hour. None: as the programme has it.
ANY_HOUR = (time(), time())


@dataclass(frozen=True, slots=True)
class Preferences:
    """A user's choices. Until they have said so, marketing messages are not wanted and quiet hours the programme's."""

    marketing_messages: bool = False
    email: bool = True
    sms: bool = True
    push: bool = True
    muted_kinds: tuple[str, ...] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None

    @property
    def any_hour(self) -> bool:
        """Whether they have chosen to have no quiet hours."""
        return self.quiet_from is not None and self.quiet_from == self.quiet_until

    def quiet_hours(self, default: tuple[time, time] | None) -> tuple[time, time] | None:
        """When quiet hours begin and end, `default` for who has not chosen; None: they have none."""
        if self.quiet_from is None or self.quiet_until is None:
            return default
        return None if self.any_hour else (self.quiet_from, self.quiet_until)

    def allows(self, channel: str) -> bool:
        """Whether messages may come on the channel `email`, `sms` or `push`."""
        return bool(getattr(self, channel))


def get_preferences(session: Session, user_id: str) -> Preferences:
    """A user's preferences, the defaults when they have made none."""
    row = session.get(NotificationPreferences, user_id, populate_existing=True)
    if row is None:
        return Preferences()
    return Preferences(
        row.marketing_messages, row.email, row.sms, row.push, tuple(row.muted_kinds), row.quiet_from, row.quiet_until
    )  # fmt: skip


def put_preferences(
    session: Session, user_id: str, wanted: Preferences, muted: Collection[str], *, place: str = ""
) -> None:
    """Record all of a user's preferences; `muted` are the kinds they do not want.

    A change of consent is recorded as the member's own, at `place`, the network address that they are at.
    """
    change_consent(session, user_id, wanted.marketing_messages, Origin("member_preferences", place))
    values = {
        "marketing_messages": wanted.marketing_messages, "email": wanted.email, "sms": wanted.sms, "push": wanted.push,
        "muted_kinds": sorted(muted), "quiet_from": wanted.quiet_from, "quiet_until": wanted.quiet_until,
        "updated_at": clock.now(),
    }  # fmt: skip
    session.execute(
        insert(NotificationPreferences)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )


def put_contact(session: Session, user_id: str, *, phone_number: str | None, timezone: str | None) -> None:
    """Record a user's phone number (E.164) and time zone (IANA), or that they have none."""
    changed = {"phone_number": phone_number, "timezone": timezone, "updated_at": clock.now()}
    session.execute(update(User).where(User.id == user_id).values(changed))


def put_push_token(session: Session, user_id: str, token: str | None, *, only: str | None = None) -> None:
    """Record a user's push subscription, or with None that it has ended; `only` when it is still that one."""
    statement = update(User).where(User.id == user_id)
    if only is not None:
        statement = statement.where(User.push_token == only)
    session.execute(statement.values(push_token=token, updated_at=clock.now()))


def start_push(session: Session, user_id: str, token: str) -> None:
    """Record a user's push subscription; who asks for it wants messages on that channel."""
    put_push_token(session, user_id, token)
    wanted = replace(get_preferences(session, user_id), push=True)
    put_preferences(session, user_id, wanted, wanted.muted_kinds)
