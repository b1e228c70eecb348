"""The form of a tier, with as many benefits as it has and some free rows."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from wtforms import BooleanField, FieldList, Form, FormField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from portal.platform.documents import Document
from portal.platform.schemas import SLUG_PATTERN
from portal.platform.web.forms import PortalForm, WholeNumber, no_nul, strip
from portal.tiers.benefits import EARN_MULTIPLIER, read_factor
from portal.tiers.models import Tier
from portal.tiers.web.schemas import BIGGEST

MAX_BENEFITS, FREE_ROWS = 20, 2
Benefit = Document


class BenefitForm(Form):
    """One benefit; an empty row is ignored."""

    label = StringField("What members read", filters=[strip], render_kw={"maxlength": 120})
    kind = StringField("Kind", filters=[strip], render_kw={"maxlength": 40})
    value = StringField("Value", filters=[strip], render_kw={"maxlength": 120})

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered."""
        return not any(field.data for field in self)

    @property
    def problem(self) -> str:
        """What is wrong with what was entered, empty when nothing is."""
        if not self.is_empty and not (self.kind.data and self.label.data):
            return "needs a kind and what members read"
        if self.kind.data == EARN_MULTIPLIER and read_factor(self.value.data) is None:
            return "needs a number such as 1.5 as its value"
        if any(len(field.data) > field.render_kw["maxlength"] for field in self):
            return "is too long"
        return "cannot be stored" if any("\x00" in field.data for field in self) else ""


class TierForm(PortalForm):
    """A tier to create or change."""

    name = StringField(
        "Name", filters=[strip], validators=[DataRequired(message="Enter a name."), Length(max=60), no_nul]
    )
    threshold = WholeNumber(
        "Points earned to reach it",
        validators=[InputRequired(message="Enter how many points open it."), NumberRange(0, BIGGEST)],
    )
    position = WholeNumber(
        "Position",
        description="1 is the lowest. Thresholds must ascend with it.",
        validators=[Optional(), NumberRange(0, 10_000)],
    )
    active = BooleanField(
        "Active", default=True, description="Members who hold an inactive tier keep it; nobody new reaches it."
    )
    benefits = FieldList(FormField(BenefitForm), max_entries=MAX_BENEFITS)

    def validate_benefits(self, field: Any) -> None:
        """Every row is a whole benefit, or empty."""
        problems = [(number, row.form.problem) for number, row in enumerate(field, 1)]
        found = [f"Benefit {number} {problem}." for number, problem in problems if problem]
        if found:
            raise ValidationError(" ".join(found))

    def add_free_rows(self) -> None:
        """Offer some empty rows for further benefits."""
        free = sum(row.form.is_empty for row in self.benefits)
        for _ in range(min(FREE_ROWS - free, MAX_BENEFITS - len(self.benefits))):
            self.benefits.append_entry({})

    def changes(self, before: Sequence[Benefit] = ()) -> dict[str, object]:
        """The fields for `put_tier`; a benefit whose text equals one in `before` keeps that one's value and type."""
        kept = {_typed(benefit): benefit for benefit in before}
        rows = [row.form for row in self.benefits if not row.form.is_empty]
        typed = [(row.kind.data or "", row.label.data or "", row.value.data or "") for row in rows]
        fields = {name: getattr(self, name).data for name in ("name", "threshold", "active")}
        if self.position.data is not None:
            fields["position"] = self.position.data
        return {**fields, "benefits": [kept.get(row) or _benefit(*row) for row in typed]}


class NewTierForm(TierForm):
    """A tier to create."""

    slug = StringField(
        "Id",
        description="Small letters, digits and hyphens; the storefront knows the tier by it.",
        filters=[strip],
        validators=[
            DataRequired(message="Enter an id."),
            Length(max=64),
            Regexp(SLUG_PATTERN, message="Use small letters, digits and hyphens."),
        ],
    )


def form_values(tier: Tier) -> dict[str, object]:
    """A tier as its form shows it."""
    rows = [dict(zip(("kind", "label", "value"), _typed(benefit), strict=True)) for benefit in tier.benefits]
    names = ("name", "threshold", "position", "active")
    return {**{name: getattr(tier, name) for name in names}, "benefits": rows}


def fingerprint(slug: str, fields: Mapping[str, Any]) -> str:
    """A hash that shows whether a preview was made of these fields."""
    return hashlib.blake2b(orjson.dumps([slug, fields], option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def _typed(benefit: Benefit) -> tuple[str, str, str]:
    value = benefit.get("value")
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return benefit["kind"], benefit["label"], text


def _benefit(kind: str, label: str, text: str) -> Benefit:
    if not text:
        return {"kind": kind, "label": label}
    for read in (int, float):
        try:
            number = read(text)
        except ValueError:
            continue
        if number == number and abs(number) < float("inf"):
            return {"kind": kind, "label": label, "value": number}
    return {"kind": kind, "label": label, "value": text}
