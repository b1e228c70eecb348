"""What a user lets us send, on which channels and when; `marketing_messages` takes precedence over the rest."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from typing import Self

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import OWN_SOURCES, ConsentChange, NotificationPreferences, User
from portal.platform import clock
from portal.platform.documents import Document

# Quiet hours that end when they begin: messages may come at any hour. Without a choice, the programme's apply.
ANY_HOUR = (time(), time())


@dataclass(frozen=True, slots=True)
class Preferences:
    """A user's choices. Until they choose, marketing messages are not wanted and the programme's quiet hours apply."""

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
        """When quiet hours begin and end, `default` if the user has not chosen; None: they have none."""
        if self.quiet_from is None or self.quiet_until is None:
            return default
        return None if self.any_hour else (self.quiet_from, self.quiet_until)

    def allows(self, channel: str) -> bool:
        """Whether messages may come on the channel `email`, `sms` or `push`."""
        return bool(getattr(self, channel))


def get_preferences(session: Session, user_id: str) -> Preferences:
    """A user's preferences, or the defaults if none are stored."""
    row = session.get(NotificationPreferences, user_id, populate_existing=True)
    if row is None:
        return Preferences()
    return Preferences(
        row.marketing_messages, row.email, row.sms, row.push, tuple(row.muted_kinds), row.quiet_from, row.quiet_until
    )


def put_preferences(
    session: Session, user_id: str, wanted: Preferences, muted: Collection[str], *, place: str = ""
) -> None:
    """Record all of a user's preferences; `muted` are the kinds they do not want.

    A change of consent is recorded as the member's own, at `place`, the network address that they are at.
    """
    change_consent(session, user_id, wanted.marketing_messages, Origin("member_preferences", place))
    values = {
        "marketing_messages": wanted.marketing_messages,
        "email": wanted.email,
        "sms": wanted.sms,
        "push": wanted.push,
        "muted_kinds": sorted(muted),
        "quiet_from": wanted.quiet_from,
        "quiet_until": wanted.quiet_until,
        "updated_at": clock.now(),
    }
    session.execute(
        insert(NotificationPreferences)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )


def put_contact(session: Session, user_id: str, *, phone_number: str | None, timezone: str | None) -> None:
    """Record a user's phone number (E.164) and time zone (IANA), or that they have none."""
    changed = {"phone_number": phone_number, "timezone": timezone, "updated_at": clock.now()}
    session.execute(update(User).where(User.id == user_id).values(changed))


def put_birthday(session: Session, user_id: str, birthday: str | None) -> None:
    """Record a user's birthday (`MM-DD`), or that they have none; one that is stored already stays as entered then."""
    now = clock.now()
    changed = {"birthday": birthday, "birthday_set_at": now if birthday else None, "updated_at": now}
    other = User.birthday.is_distinct_from(birthday)
    session.execute(update(User).where(User.id == user_id, other).values(changed))


def put_push_token(session: Session, user_id: str, token: str | None, *, only: str | None = None) -> None:
    """Store a user's push subscription, None if it has ended; with `only`, only if the stored one still is that."""
    statement = update(User).where(User.id == user_id)
    if only is not None:
        statement = statement.where(User.push_token == only)
    session.execute(statement.values(push_token=token, updated_at=clock.now()))


def start_push(session: Session, user_id: str, token: str) -> None:
    """Store a user's push subscription and allow the channel: whoever subscribes wants messages on it."""
    put_push_token(session, user_id, token)
    _store(session, user_id, push=True)


def forget_choices(session: Session, user: User) -> None:
    """Drop what was set in an account before its address was verified: phone number, birthday, push subscription,
    preferences. Consent that was given or withdrawn in it no longer counts. The caller holds the user's row lock."""
    last = _last_change(session, user.id)
    user.phone_number = user.push_token = user.birthday = user.birthday_set_at = None
    session.execute(delete(NotificationPreferences).where(NotificationPreferences.user_id == user.id))
    if last is not None and (last.given or last.source in OWN_SOURCES):
        session.add(_change(user.id, False, Origin("registration", "")))
    session.flush()


# What the API calls each source.
WORDS = dict.fromkeys(OWN_SOURCES, "member")


@dataclass(frozen=True, slots=True)
class Origin:
    """How a change of consent came about.

    `source` is one of `models.SOURCES`, `place` a person's network address or who called. A shop may add its own `word`
    for where it was given, and `granted_at`, when that was.
    """

    source: str
    place: str
    word: str | None = None
    granted_at: datetime | None = None

    @classmethod
    def of_caller(cls, actor: str) -> Self:
        """The origin of a change by a service or an operator (`token:NAME`, `user:ID`, `cli`)."""
        return cls("shop" if actor.startswith("token:") else "operator", actor)


def get_consent(session: Session, user_id: str) -> bool:
    """Whether a user lets us send marketing messages: they have said so, and their address is verified (CONTRACT rule
    17, CONTRACT-SHOP 9.1)."""
    statement = (
        select(NotificationPreferences.marketing_messages)
        .join(User, User.id == NotificationPreferences.user_id)
        .where(User.id == user_id, User.email_verified_at.is_not(None))
    )
    return bool(session.scalar(statement))


def change_consent(session: Session, user_id: str, given: bool, origin: Origin) -> bool:
    """Record that a user gives or withdraws consent to marketing messages; returns whether it now is as asked.

    Consent that the member withdrew themselves is given again only by themselves, or if the shop says that it was given
    later. Other preferences stay. A call without effect is not recorded, except an unsubscribe link's, if the last
    change is not already the member's own withdrawal.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    before, last = _stored(session, user_id), _last_change(session, user_id)
    withdrawn = last is not None and not last.given and last.source in OWN_SOURCES
    own = origin.source in OWN_SOURCES
    if given and withdrawn and not own and not _later(origin, last):
        return False
    if given == bool(before) and (given or withdrawn or origin.source != "unsubscribe_link"):
        if before is None:
            _store(session, user_id, marketing_messages=given)
        return True
    _store(session, user_id, marketing_messages=given)
    session.add(_change(user_id, given, origin))
    session.flush()
    return True


_STANDING = text("""
    SELECT coalesce(p.marketing_messages, false) AS marketing, c.source, c.word, c.at
    FROM users u
    LEFT JOIN notification_preferences p ON p.user_id = u.id
    LEFT JOIN LATERAL (SELECT source, word, at FROM consent_changes WHERE user_id = u.id ORDER BY id DESC LIMIT 1) c
      ON true
    WHERE u.id = :user_id
""")


def describe_consent(session: Session, user: User) -> Document:
    """Consent as the API shows it: whether it is in force, and how and when it was last changed."""
    row = session.execute(_STANDING, {"user_id": user.id}).one()
    return {
        "marketing": row.marketing and user.email_verified_at is not None,
        "source": row.word or WORDS.get(row.source, row.source),
        "changedAt": row.at,
    }


# SQL for many users: whether a user's last change was their own withdrawal. Format it with the user's id as `who`.
OWN_WITHDRAWAL = f"""
    coalesce((SELECT NOT c.given AND c.source IN {OWN_SOURCES}
              FROM consent_changes c WHERE c.user_id = {{who}} ORDER BY c.id DESC LIMIT 1), false)
"""
CHANGE_MANY = text("""
    INSERT INTO consent_changes (user_id, given, source, place, at)
    SELECT user_id, given, :source, :place, :now
    FROM unnest(CAST(:user_ids AS text[]), CAST(:given AS boolean[])) AS changed(user_id, given)
""")


def _stored(session: Session, user_id: str) -> bool | None:
    column = NotificationPreferences.marketing_messages
    return session.scalar(select(column).where(NotificationPreferences.user_id == user_id))


def _last_change(session: Session, user_id: str) -> ConsentChange | None:
    mine = select(ConsentChange).where(ConsentChange.user_id == user_id)
    return session.scalar(mine.order_by(ConsentChange.id.desc()).limit(1))


def _later(origin: Origin, withdrawal: ConsentChange | None) -> bool:
    return origin.granted_at is not None and withdrawal is not None and origin.granted_at > withdrawal.at


def _store(session: Session, user_id: str, **wanted: bool) -> None:
    changed = {**wanted, "updated_at": clock.now()}
    session.execute(
        insert(NotificationPreferences)
        .values(user_id=user_id, **{"marketing_messages": False, **changed})
        .on_conflict_do_update(index_elements=["user_id"], set_=changed)
    )


def _change(user_id: str, given: bool, origin: Origin) -> ConsentChange:
    return ConsentChange(
        user_id=user_id,
        given=given,
        source=origin.source,
        word=origin.word,
        place=origin.place,
        granted_at=origin.granted_at,
        at=clock.now(),
    )
