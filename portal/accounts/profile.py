"""What a user has told us, as it is shown and recorded, and their consent to marketing."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import NotificationPreferences, User
from portal.core import clock


def get_consent(session: Session, user_id: str) -> bool:
    """Whether a user lets us send marketing messages; not until they have said so (CONTRACT rule 17)."""
    column = NotificationPreferences.marketing_messages
    return bool(session.scalar(select(column).where(NotificationPreferences.user_id == user_id)))


def set_consent(session: Session, user_id: str, *, given: bool) -> None:
    """Record whether a user lets us send marketing messages; their other preferences stay."""
    values = {"user_id": user_id, "marketing_messages": given, "updated_at": clock.now()}
    session.execute(
        insert(NotificationPreferences)
        .values(values)
        .on_conflict_do_update(
            index_elements=["user_id"],
            set_={"marketing_messages": given, "updated_at": values["updated_at"]},
            where=NotificationPreferences.marketing_messages.is_distinct_from(given),
        )
    )


def document(session: Session, user: User) -> dict[str, Any]:
    """A user as the API and the audit log show them; secrets are left out."""
    return {
        "userId": user.id, "email": user.email, "name": user.name, "phoneNumber": user.phone_number,
        "hasPushToken": user.push_token is not None, "timezone": user.timezone, "locale": user.locale,
        "marketingMessages": get_consent(session, user.id), "role": user.role,
        "createdAt": user.created_at, "updatedAt": user.updated_at,
    }  # fmt: skip
