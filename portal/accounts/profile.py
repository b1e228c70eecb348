"""What a user has told us, as it is shown and recorded."""

from typing import Any

from sqlalchemy.orm import Session

from portal.accounts.consent import describe_consent
from portal.accounts.models import User


def document(session: Session, user: User) -> dict[str, Any]:
    """A user as the API and the audit log show them; secrets are left out."""
    consent = describe_consent(session, user)
    return {
        "userId": user.id,
        "email": user.email,
        "name": user.name,
        "phoneNumber": user.phone_number,
        "hasPushToken": user.push_token is not None,
        "timezone": user.timezone,
        "locale": user.locale,
        "marketingMessages": consent["marketing"],
        "role": user.role,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
        "verifiedAt": user.email_verified_at,
        "consent": consent,
        "disabledAt": user.disabled_at,
        "mergedInto": None,
    }
