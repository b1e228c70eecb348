"""Consent to marketing messages: whether it is in force, and who gave or took it back, when and where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import OWN_SOURCES, ConsentChange, NotificationPreferences, User
from portal.core import clock

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
        """What a service or an operator (`token:NAME`, `user:ID`, `cli`) says of somebody."""
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
    """Record that a user gives consent to marketing messages or takes it back; whether it now is as asked.

    What the member took back themselves is given again by themselves alone, or where the shop says that it was given
    later. Their other preferences stay. What changes nothing is not recorded, but for a member's own withdrawal.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    before, last = _stored(session, user_id), _last_change(session, user_id)
    withdrawn = last is not None and not last.given and last.source in OWN_SOURCES
    own = origin.source in OWN_SOURCES
    if given and withdrawn and not own and not _later(origin, last):
        return False
    if given == bool(before) and (given or withdrawn or origin.source != "unsubscribe_link"):
        if before is None:
            _store(session, user_id, given)
        return True
    _store(session, user_id, given)
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


def describe_consent(session: Session, user: User) -> dict[str, Any]:
    """Consent as the API shows it: whether it is in force, and how and when it was last changed."""
    row = session.execute(_STANDING, {"user_id": user.id}).one()
    return {
        "marketing": row.marketing and user.email_verified_at is not None,
        "source": row.word or WORDS.get(row.source, row.source),
        "changedAt": row.at,
    }


# The last word of each user, for statements over many: give it the user's id as `who`.
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


def _store(session: Session, user_id: str, given: bool) -> None:
    changed = {"marketing_messages": given, "updated_at": clock.now()}
    session.execute(
        insert(NotificationPreferences)
        .values(user_id=user_id, **changed)
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
