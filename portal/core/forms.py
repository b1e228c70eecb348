"""What forms of several domains share."""

from typing import Any, Self

from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from portal.core import ids
from portal.core.text import without_hidden

REASON_LENGTH = 500


def strip(value: str | None) -> str:
    """The text without white space around it."""
    return (value or "").strip()


def visible(value: str | None) -> str:
    """The text without what nobody sees of it; one that is to be refused as it is stays so."""
    return without_hidden(value or "") if "\x00" not in (value or "") else value or ""


def no_nul(_form: Any, field: Any) -> None:
    """Refuse the one character that the database cannot store."""
    if "\x00" in (field.data or ""):
        raise ValidationError("This contains a character that cannot be stored.")


def _new_key() -> str:
    return ids.encode(ids.new_id())


class OnceForm(FlaskForm):  # type: ignore[misc]
    """A form whose key makes a second click on the same form harmless."""

    idempotency_key = HiddenField(default=_new_key, validators=[DataRequired(), Length(max=255)])

    def renew(self) -> Self:
        """This form with what was typed, ready to be sent again as a new question."""
        self.idempotency_key.data = _new_key()
        return self


class ReasonForm(OnceForm):
    """Why an operator does this, asked after what; the audit log keeps it."""

    reason = TextAreaField(
        "Reason", filters=[strip],
        validators=[
            DataRequired(message="Say why, for the audit log."),
            Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters."), no_nul,
        ],
    )  # fmt: skip

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._fields["reason"] = self._fields.pop("reason")
