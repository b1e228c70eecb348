"""What forms of several domains share."""

import re
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, IntegerField, SelectMultipleField, TextAreaField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, Length, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from portal.platform import ids
from portal.platform.text import plain_line
from portal.platform.web.form_errors import Words

REASON_LENGTH = 500
MAX_DIGITS = 40  # more than any field takes, and few enough to parse quickly
MINUS = ("-", "\N{MINUS SIGN}")
_WHOLE = re.compile(
    r"(?P<sign>[-+\N{MINUS SIGN}]?)(?P<digits>[0-9]+|[0-9]{1,3}(?P<gap>[,' \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
    r"\N{RIGHT SINGLE QUOTATION MARK}])[0-9]{3}(?:(?P=gap)[0-9]{3})*)"
)


def strip(value: str | None) -> str:
    """The text without white space around it."""
    return (value or "").strip()


def visible(value: str | None) -> str:
    """The text without invisible characters; one with NUL stays as it is, so that it is refused."""
    return plain_line(value or "") if "\x00" not in (value or "") else value or ""


def no_nul(_form: object, field: Field) -> None:
    """Refuse the one character that the database cannot store."""
    if "\x00" in (field.data or ""):
        raise ValidationError("This contains a character that cannot be stored.")


class PortalForm(FlaskForm):  # type: ignore[misc]  # the library has no types
    """Base of every form: at most one error for each field, in our words."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # the library has no types
        """Where WTForms looks for translations."""

        def get_translations(self, form: object) -> Words:
            """Our messages, in any locale."""
            return Words()

    def validate(self, *arguments: Any, **options: Any) -> bool:
        """Check every field and keep the first error of each; errors of parsing come before all others."""
        accepted = bool(super().validate(*arguments, **options))
        for wrong in self:
            said = [word for word in (*wrong.process_errors, *wrong.errors) if isinstance(word, str)]
            if wrong.errors and said:
                wrong.errors = said[:1]
        return accepted


class WholeNumber(IntegerField):
    """A whole number as people type it: `1200`, `1,200`, `1 200`, `1'200`, `-5`; grouped by threes, or not at all.

    A point is refused, as it may mean a fraction, and so are `1e3` and digits of other scripts.
    """

    widget = TextInput()

    def __init__(self, *arguments: Any, render_kw: dict[str, Any] | None = None, **options: Any) -> None:
        looks = {"inputmode": "numeric", "autocomplete": "off", **(render_kw or {})}
        super().__init__(*arguments, render_kw=looks, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the input; white space alone counts as no input.

        :raises ValueError: if it is not a whole number.
        """
        self.data, typed = None, valuelist[0].strip() if valuelist else ""
        self.raw_data = [typed] if valuelist else []
        if typed:
            found = _WHOLE.fullmatch(typed)
            if found is None:
                raise ValueError(self.gettext("Not a valid integer value."))
            digits = re.sub(r"\D", "", found["digits"]).lstrip("0")[:MAX_DIGITS] or "0"
            self.data = -int(digits) if found["sign"] in MINUS else int(digits)

    def pre_validate(self, form: BaseForm) -> None:
        """Report no further errors on an input that could not be parsed."""
        if self.process_errors:
            raise StopValidation


class TickBoxes(SelectMultipleField):
    """A multiple choice, a box for each option; `needed` refuses an empty choice and makes no single box required."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, *arguments: Any, needed: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.needed = needed

    def pre_validate(self, form: BaseForm) -> None:
        """Refuse an empty choice with the message `needed`, if that is set."""
        if self.needed and not self.data:
            raise StopValidation(self.needed)
        super().pre_validate(form)


class OnceKey(HiddenField):
    """The idempotency key of a form: a new one each time it is shown, so that a refused form can be sent again."""

    def _value(self) -> str:
        return ids.encode(ids.new_id())


class OnceForm(PortalForm):
    """A form whose key makes a second click on the same form harmless."""

    idempotency_key = OnceKey(validators=[DataRequired(), Length(max=255)])


class ReasonForm(OnceForm):
    """A form whose last field asks an operator for the reason; the audit log keeps it."""

    reason = TextAreaField(
        "Reason",
        filters=[strip],
        validators=[
            DataRequired(message="Say why, for the audit log."),
            Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters."),
            no_nul,
        ],
    )

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._fields["reason"] = self._fields.pop("reason")
