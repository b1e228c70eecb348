"""Forms of the console of access."""

from wtforms import EmailField, Field, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in the stubs
from wtforms.validators import DataRequired, Length, ValidationError

from portal.accounts.contact import clean_email
from portal.accounts.models import ROLES, SCOPES
from portal.accounts.tokens import MAX_NAME_LENGTH
from portal.platform.web.forms import ReasonForm, TickBoxes, no_nul, strip, visible

NEVER = 0
LIVES = [
    SelectChoice(30, "30 days"),
    SelectChoice(90, "90 days"),
    SelectChoice(365, "1 year"),
    SelectChoice(NEVER, "Until it is revoked"),
]


def _words(values: tuple[str, ...]) -> list[SelectChoice]:
    return [SelectChoice(value, value.capitalize()) for value in values]


class RoleForm(ReasonForm):
    """Another role, and why."""

    role = SelectField("Role", choices=_words(ROLES))


class StaffForm(ReasonForm):
    """Somebody who is to run the programme."""

    email = EmailField(
        "Email address", filters=[strip], validators=[DataRequired("Enter their email address."), Length(max=254)]
    )
    name = StringField("Name", filters=[visible], validators=[Length(max=120), no_nul])
    role = SelectField("Role", choices=_words(ROLES[1:]))

    def validate_email(self, field: Field) -> None:
        """Refuse what is not an address, and normalise the address."""
        try:
            field.data = clean_email(field.data)
        except ValueError as error:
            raise ValidationError("Enter an email address, like name@example.com.") from error


class TokenForm(ReasonForm):
    """What a service may do, and for how long."""

    name = StringField(
        "Name",
        description="The service that will use it.",
        filters=[strip],
        validators=[DataRequired("Name the service."), Length(max=MAX_NAME_LENGTH), no_nul],
    )
    scopes = TickBoxes("Scopes", choices=_words(SCOPES), needed="Choose at least one scope.")
    days = SelectField("Lives", choices=LIVES, coerce=int, default=90)
