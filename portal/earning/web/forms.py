"""The form of an earning rule: every field of its terms, in the groups that an operator looks for them in."""

import re
from collections.abc import Mapping
from fractions import Fraction
from zoneinfo import ZoneInfo

from pydantic import ValidationError as Refused
from wtforms import BooleanField, DateTimeLocalField, Field, HiddenField, SelectField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from portal.earning.descriptions import KINDS, WEEKDAYS
from portal.earning.rules import MULTIPLIER, RuleKind, RuleTerms
from portal.earning.web.fields import CODE_LENGTH, Codes, Money, choices
from portal.earning.web.terms import document_of, form_values
from portal.platform.clock import YEARS
from portal.platform.console.tables import Choices
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.schemas import SLUG_PATTERN
from portal.platform.web.forms import ReasonForm, TickBoxes, WholeNumber, no_nul, strip

_ABOUT_KINDS = {
    RuleKind.SPEND: "points for every amount spent",
    RuleKind.ITEM: "points for each unit bought",
    RuleKind.ORDER: "points for each order",
    RuleKind.FIRST_ORDER: "points for a member's first order",
    RuleKind.MULTIPLIER: "more of what spend rules pay",
    RuleKind.EVENT: "points for something that the shop reports, such as a review",
    RuleKind.SIGN_UP: "points for joining",
    RuleKind.BIRTHDAY: "points once a year",
}
_NEEDED: Mapping[str, tuple[str, frozenset[RuleKind]]] = {
    "points": ("Enter how many points it pays.", frozenset(RuleKind) - {RuleKind.MULTIPLIER}),
    "per_amount": ("Enter the amount that brings them.", frozenset({RuleKind.SPEND})),
    "multiplier": ("Enter what it multiplies by.", frozenset({RuleKind.MULTIPLIER})),
    "event_type": ("Enter the type of event that it pays for.", frozenset({RuleKind.EVENT})),
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "lines": (
        *("products", "skus", "categories", "exclude_products", "exclude_skus", "exclude_categories"),
        *("exclude_discounted", "minimum_basis", "priority"),
    ),
    "when": ("from_", "until", "weekdays", "tiers", "not_tiers", "channels", "currencies"),
    "limits": ("per_order", "member_most", "programme"),
    "afterwards": (
        *("pending_days", "expiry", "expiry_months", "qualifies_tier", "qualifies_streak", "on_partial_refund"),
    ),
}
_FORMATS, _STEP = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"], {"step": 1}
_POINTS = [Optional(), NumberRange(1, MAX_POINTS)]


class RuleForm(ReasonForm):
    """A rule to change. Times are in the programme's timezone, money in its currency.

    `seen` is the version that the operator looks at.
    """

    seen = HiddenField(validators=[Length(max=20)])
    name = StringField(
        "Name",
        description="Members read it.",
        filters=[strip],
        validators=[DataRequired(message="Enter a name."), Length(max=120), no_nul],
    )
    kind = SelectField(
        "Kind", choices=choices(*((kind.value, f"{KINDS[kind]}: {about}") for kind, about in _ABOUT_KINDS.items()))
    )
    points = WholeNumber("Points", validators=_POINTS)
    per_amount = Money(
        "For every",
        description="Of what is spent, in {currency}.",
        validators=[Optional(), NumberRange(1, MAX_POINTS, message="Enter an amount above 0, and not that large.")],
    )
    step = SelectField(
        "Counted",
        default="proportional",
        choices=choices(("proportional", "In proportion"), ("whole", "For each full amount")),
    )
    multiplier = StringField(
        "Times",
        description="Such as 1.5 or 2.",
        filters=[strip],
        render_kw={"inputmode": "decimal"},
        validators=[
            Optional(),
            Length(max=8),
            Regexp(MULTIPLIER, message="Enter a number such as 1.5, with up to four decimals."),
        ],
    )
    stacks = BooleanField(
        "Counts on top of other multipliers",
        description="Otherwise only the best of those that do not, the tier's among them, counts.",
    )
    event_type = StringField(
        "Type of event",
        description="As the shop reports it, such as review.",
        filters=[strip],
        validators=[Optional(), Length(max=CODE_LENGTH), no_nul],
    )
    products = Codes("Products", description="One id a line.")
    skus = Codes("SKUs", description="One a line.")
    categories = Codes("Categories", description="One a line.")
    exclude_products = Codes("Not these products")
    exclude_skus = Codes("Not these SKUs")
    exclude_categories = Codes("Not these categories")
    exclude_discounted = BooleanField("Not what is discounted itself")
    minimum_basis = Money(
        "From an amount of",
        description="Of the lines that it is for, in {currency}.",
        validators=[Optional(), NumberRange(0, MAX_POINTS, message="Enter a smaller amount.")],
    )
    priority = WholeNumber(
        "Priority",
        description="Of two rules that name a line as exactly, the higher one pays.",
        validators=[Optional(), NumberRange(-1000, 1000)],
    )
    from_ = DateTimeLocalField(
        "From", description="In {zone}.", validators=[Optional()], format=_FORMATS, render_kw=_STEP
    )
    until = DateTimeLocalField(
        "Until", description="In {zone}.", validators=[Optional()], format=_FORMATS, render_kw=_STEP
    )
    weekdays = TickBoxes(
        "Weekdays",
        description="None ticked: every day.",
        choices=choices(*((str(number), day) for number, day in enumerate(WEEKDAYS, 1))),
    )
    tiers = TickBoxes("Only these tiers", description="None ticked: everybody.")
    not_tiers = TickBoxes("Not these tiers")
    channels = Codes("Channels", description="One a line, such as web or store. Empty: all.")
    currencies = Codes("Currencies of the order", description="One a line, such as EUR. Empty: all.")
    per_order = WholeNumber("Points for one order", validators=_POINTS)
    member_most = WholeNumber("For one member", validators=_POINTS)
    member_measure = SelectField("Counted as", choices=choices(("points", "Points"), ("times", "Times")))
    member_window = SelectField(
        "In each",
        choices=choices(("day", "Day"), ("week", "Week"), ("month", "Month"), ("year", "Year"), ("ever", "Life")),
    )
    programme = WholeNumber("Points for all members together", validators=_POINTS)
    pending_days = WholeNumber(
        "Days until the points can be spent",
        description="Empty: as the programme says. 0: at once.",
        validators=[Optional(), NumberRange(0, 3650)],
    )
    expiry = SelectField(
        "Points expire",
        default="programme",
        choices=choices(("programme", "As the programme says"), ("never", "Never"), ("months", "After some months")),
    )
    expiry_months = WholeNumber("Months", validators=[Optional(), NumberRange(1, 1200)])
    qualifies_tier = BooleanField("Count towards tiers", default=True)
    qualifies_streak = BooleanField("Count towards the weekly streak", default=True)
    on_partial_refund = SelectField(
        "When a part of the order is refunded",
        default="usual",
        choices=choices(
            ("usual", "As usual for its kind"),
            ("recompute", "Compute again from what is left"),
            ("keep_until_zero", "Keep the points until nothing is left"),
        ),
    )

    def __init__(self, *arguments: object, **fields: object) -> None:
        super().__init__(*arguments, **fields)
        for name in _NEEDED:  # by some kinds
            self[name].flags.optional = False

    def offer(self, tiers: Choices, before: Document) -> None:
        """Set the tiers to choose from: these, and those that the rule names already."""
        named = {*before.get("tiers", ()), *before.get("notTiers", ())} - {slug for slug, _ in tiers}
        gone = ((slug, f"{slug} (no such tier)") for slug in sorted(named))
        self.tiers.choices = self.not_tiers.choices = choices(*tiers, *gone)

    def validate_from_(self, field: Field) -> None:
        """Accept only a year that every part can store and show."""
        if field.data is not None and field.data.year not in YEARS:
            raise ValidationError("Choose another year.")

    validate_until = validate_from_

    def validate_multiplier(self, field: Field) -> None:
        """Refuse what would leave nothing."""
        if re.fullmatch(MULTIPLIER, field.data) and Fraction(field.data) == 0:
            raise ValidationError("Enter a number above 0.")

    def validate_expiry(self, field: Field) -> None:
        """After how many months, if after some."""
        if field.data == "months" and self.expiry_months.data is None and not self.expiry_months.process_errors:
            raise ValidationError("Enter after how many months.")

    def validate(self, *arguments: object, **options: object) -> bool:
        """Check every field, what the kind needs, and that the whole makes sense."""
        super().validate(*arguments, **options)
        for name, (words, kinds) in _NEEDED.items():
            field = self[name]
            if self.kind.data in kinds and field.data in (None, "") and not field.errors:
                field.errors = [words]
        if self.from_.data and self.until.data and self.until.data <= self.from_.data and not self.until.errors:
            self.until.errors = ["This must be after the beginning."]
        return not self.errors

    @property
    def seen_version(self) -> int:
        """The version that the form was filled with; 0 if that cannot be read."""
        typed = self.seen.data or ""
        return int(typed) if typed.isascii() and typed.isdecimal() else 0

    def accepts_draft(self) -> bool:
        """Whether its terms make sense, for a trial that needs no reason."""
        self.validate()
        for field in (self.reason, self.idempotency_key):
            field.errors = []
        return not self.errors

    def is_open(self, group: str) -> bool:
        """Whether a group of fields is shown unfolded: something in it is set, or wrong."""
        return any(self[name].errors or _is_set(self[name]) for name in GROUPS[group])

    def terms(self, before: Document, zone: ZoneInfo) -> RuleTerms | None:
        """The terms as they were typed, where `before` has those that the form was filled with.

        None if they make no sense together; the form says why.
        """
        try:
            return RuleTerms.model_validate(document_of(self.data, before, zone))
        except Refused as refused:
            self.form_errors = [str(error["msg"]) for error in refused.errors()]
            return None


def _is_set(field: Field) -> bool:
    if isinstance(field, BooleanField):
        return bool(field.data) != bool(field.default)
    return field.data not in (None, [], field.default)


class NewRuleForm(RuleForm):
    """A rule to create."""

    slug = StringField(
        "Id",
        description="Small letters, digits and hyphens; the API knows the rule by it.",
        filters=[strip],
        validators=[
            DataRequired(message="Enter an id."),
            Length(max=64),
            Regexp(SLUG_PATTERN, message="Use small letters, digits and hyphens."),
        ],
    )
    active = BooleanField("Active", default=True, description="Otherwise it pays nothing until it is resumed.")


def filled_form(before: Document, version: int, zone: ZoneInfo) -> RuleForm:
    """The form of a rule with these terms, in this version."""
    return RuleForm(data={**form_values(before, zone), "seen": str(version)})
