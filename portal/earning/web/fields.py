"""Fields of the forms of earning rules and of carts to try: money as people write it, and codes line by line."""

import re
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from wtforms import Field
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in the stubs
from wtforms.form import BaseForm
from wtforms.validators import StopValidation
from wtforms.widgets import TextArea

from portal.earning.rules import MOST_CODES
from portal.platform.settings import current_settings
from portal.platform.web.forms import WholeNumber

CODE_LENGTH = 128
_MONEY = re.compile(
    r"(?P<whole>[0-9]{1,12}|[0-9]{1,3}(?P<gap>[,' \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}])[0-9]{3}"
    r"(?:(?P=gap)[0-9]{3}){0,2})(?:[.](?P<part>[0-9]{1,4}))?|(?P<euros>[0-9]{1,12}),(?P<cents>[0-9]{1,2})"
)


def choices(*pairs: tuple[str, str]) -> list[SelectChoice]:
    """Values with their labels, to choose from."""
    return [SelectChoice(value, label) for value, label in pairs]


class Money(WholeNumber):
    """An amount of the programme's currency as people type it: `12`, `12.50`, `12,50`, `1,200.50`.

    `data` is in the currency's smallest unit. More decimals than the currency has are refused.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, render_kw={"inputmode": "decimal"}, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the input; white space alone counts as no input.

        :raises ValueError: if it is not an amount of that currency.
        """
        self.data, typed = None, valuelist[0].strip() if valuelist else ""
        self.raw_data = [typed] if valuelist else []
        if typed:
            found, decimals = _MONEY.fullmatch(typed), _decimals()
            part = (found["part"] or found["cents"] or "") if found else ""
            if found is None or len(part) > decimals:
                example = f"12.{'50000'[:decimals]}" if decimals else "12"
                raise ValueError(f"Enter an amount, such as {example}.")
            whole = re.sub(r"\D", "", found["whole"] or found["euros"])
            self.data = int(whole + part.ljust(decimals, "0"))

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data).scaleb(-_decimals()):f}"


def _decimals() -> int:
    return int(get_currency_precision(current_settings().programme_currency))


class Codes(Field):
    """Codes of the shop, one a line; `data` is the list of them, in order and each once."""

    widget = TextArea()  # type: ignore[assignment]  # the stubs know it for text fields alone

    def process_data(self, value: object) -> None:
        """Take the codes as a rule has them."""
        self.data = sorted(value) if isinstance(value, (list, frozenset)) else []

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the lines; empty ones count for nothing."""
        lines = (line.strip() for line in (valuelist[0] if valuelist else "").splitlines())
        self.data = sorted({line for line in lines if line})

    def _value(self) -> str:
        return "\n".join(self.data)

    def pre_validate(self, form: BaseForm) -> None:
        """Refuse what no rule takes."""
        if len(self.data) > MOST_CODES:
            raise StopValidation(f"Enter at most {MOST_CODES} lines.")
        if any(len(code) > CODE_LENGTH for code in self.data):
            raise StopValidation(f"Use at most {CODE_LENGTH} characters in a line.")
        if any("\x00" in code for code in self.data):
            raise StopValidation("This contains a character that cannot be stored.")
