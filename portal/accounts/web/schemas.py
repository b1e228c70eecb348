"""Shapes of the users' API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, WithJsonSchema

from portal.accounts.contact import (
    MAX_LOCALE_LENGTH,
    clean_birthday,
    clean_email,
    clean_locale,
    clean_name,
    clean_phone,
    clean_timezone,
)
from portal.accounts.models import BIRTHDAY_PATTERN
from portal.accounts.users import Grant
from portal.platform.schemas import Answer, Moment, Schema, Text, Timestamp

Email = Annotated[str, Field(max_length=254), AfterValidator(clean_email)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(clean_phone)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(clean_timezone)]
LocaleName = Annotated[str, Field(max_length=MAX_LOCALE_LENGTH), AfterValidator(clean_locale)]
Birthday = Annotated[
    str,
    AfterValidator(clean_birthday),
    WithJsonSchema({"type": "string", "pattern": BIRTHDAY_PATTERN, "maxLength": 5, "examples": ["12-31"]}),
]


class ConsentGrant(Schema):
    """When and where the member agreed to marketing messages; read with `marketingMessages: true`."""

    granted_at: Moment
    source: Text(64)  # type: ignore[valid-type]  # a call makes the type


class UserInput(Schema):
    """A user to create or change; optional fields that are left out keep their value, null clears them."""

    email: Email
    name: Annotated[Text(120), AfterValidator(clean_name)]  # type: ignore[valid-type]  # a call makes the type
    phone_number: Phone | None = None
    push_token: Text(4096) | None = None  # type: ignore[valid-type]  # a call makes the type
    timezone: TimeZone | None = None
    locale: LocaleName | None = None
    birthday: Birthday | None = Field(None, description="MM-DD; the year is not asked.")
    marketing_messages: StrictBool | None = Field(None, description="Consent; false until it is given.")
    consent: ConsentGrant | None = Field(
        None, description="Gives consent again that the member took back earlier than `grantedAt`."
    )

    def changes(self) -> dict[str, object]:
        """The fields that were given, without `consent`."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"consent"}}

    def grant(self) -> Grant | None:
        """The grant of consent that was sent, if any."""
        return Grant(self.consent.granted_at, self.consent.source) if self.consent else None


class UserSearch(Schema):
    """The address of the user who is looked for."""

    email: Email


class Consent(Answer):
    """Consent to marketing messages: whether it is in force, and how and when it was last changed.

    `source` is `member` where they took it back themselves, else `registration`, `shop`, `import`, `operator`, or what
    the shop called it.
    """

    marketing: bool
    source: str | None
    changed_at: Timestamp | None


class User(Answer):
    """A user as the API shows them: no secrets. `email` is null once its owner has taken it over."""

    user_id: str
    email: str | None
    name: str
    phone_number: str | None
    has_push_token: bool
    timezone: str | None
    locale: str | None
    birthday: str | None
    marketing_messages: bool
    role: Literal["member", "operator", "admin"]
    created_at: Timestamp
    updated_at: Timestamp
    verified_at: Timestamp | None
    consent: Consent
    disabled_at: Timestamp | None
    merged_into: str | None


class UserPage(Answer):
    """The users with an address: one or none."""

    users: list[User]
    next_cursor: str | None
