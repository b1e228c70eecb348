"""Forms of the hub."""

from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import DataRequired, Length

from portal.core import ids


class RedeemForm(FlaskForm):  # type: ignore[misc]
    """Asks once; the key makes a second click on the same question harmless."""

    idempotency_key = HiddenField(
        default=lambda: ids.encode(ids.new_id()), validators=[DataRequired(), Length(max=255)]
    )  # fmt: skip
