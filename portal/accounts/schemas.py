"""Shapes of the users' API."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool

from portal.accounts.addresses import clean_email
from portal.accounts.contact import LONGEST_LOCALE, clean_locale, clean_name, clean_phone, clean_timezone
from portal.core.schemas import Answer, Schema, Text, Timestamp

Email = Annotated[str, Field(max_length=254), AfterValidator(clean_email)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(clean_phone)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(clean_timezone)]
LocaleName = Annotated[str, Field(max_length=LONGEST_LOCALE), AfterValidator(clean_locale)]


class UserInput(Schema):
    """A user to create or change; optional fields that are left out keep their value, null clears them."""

    email: Email
    name: Annotated[Text(120), AfterValidator(clean_name)]  # type: ignore[valid-type]
    phone_number: Phone | None = None
    push_token: Text(4096) | None = None  # type: ignore[valid-type]
    timezone: TimeZone | None = None
    locale: LocaleName | None = None
    marketing_messages: StrictBool | None = Field(None, description="Consent; false until it is given.")

    def changes(self) -> dict[str, Any]:
        """The fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class User(Answer):
    """A user as the API shows them: no secrets."""

    user_id: str
    email: str
    name: str
    phone_number: str | None
    has_push_token: bool
    timezone: str | None
    locale: str | None
    marketing_messages: bool
    role: Literal["member", "operator", "admin"]
    created_at: Timestamp
    updated_at: Timestamp
