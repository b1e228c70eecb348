"""The form of a reward."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from wtforms import BooleanField, DateTimeLocalField, Field, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in the stubs
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from portal.platform.clock import YEARS
from portal.platform.documents import MAX_POINTS
from portal.platform.schemas import SLUG_PATTERN
from portal.platform.web.forms import ReasonForm, WholeNumber, no_nul, strip
from portal.rewards.models import Reward
from portal.tiers import Tier

ICONS = (
    "gift",
    "award",
    "balloon",
    "basket",
    "beach",
    "bike",
    "book",
    "bottle",
    "cake",
    "camera",
    "coffee",
    "confetti",
    "credit-card",
    "crown",
    "cup",
    "discount",
    "flower",
    "glass-full",
    "headphones",
    "heart",
    "ice-cream",
    "key",
    "movie",
    "mug",
    "music",
    "paw",
    "pizza",
    "plane",
    "plant",
    "rosette",
    "shirt",
    "shoe",
    "shopping-bag",
    "sparkles",
    "star",
    "sun",
    "ticket",
    "tools-kitchen-2",
    "tree",
    "truck-delivery",
    "trophy",
    "wallet",
)
_PICTURES = ("https://", "/static/")
_MOST_ITEMS, _MOST_PER_MEMBER = 2_000_000_000, 1_000_000
_EVERYONE = SelectChoice("", "Everyone")
_FORMATS, _STEP = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"], {"step": 1}


class RewardForm(ReasonForm):
    """A reward to change. Times are in the operator's time zone."""

    name = StringField(
        "Name", filters=[strip], validators=[DataRequired(message="Enter a name."), Length(max=80), no_nul]
    )
    description = TextAreaField("Description", filters=[strip], validators=[Optional(), Length(max=500), no_nul])
    points_cost = WholeNumber(
        "Points", validators=[InputRequired(message="Enter what it costs."), NumberRange(1, MAX_POINTS)]
    )
    inventory = WholeNumber(
        "Stock in all",
        description="Empty: unlimited. What open and fulfilled requests have is part of it.",
        validators=[Optional(), NumberRange(0, _MOST_ITEMS)],
    )
    per_member_limit = WholeNumber(
        "Most per member",
        description="Empty: as many as they like.",
        validators=[Optional(), NumberRange(1, _MOST_PER_MEMBER)],
    )
    min_tier = SelectField("Open to", validate_choice=True)
    starts_at = DateTimeLocalField("Offered from", validators=[Optional()], format=_FORMATS, render_kw=_STEP)
    ends_at = DateTimeLocalField("Offered until", validators=[Optional()], format=_FORMATS, render_kw=_STEP)
    icon = SelectField("Icon")
    image_url = StringField(
        "Picture",
        description="An address that begins with https:// or /static/; empty: the icon.",
        filters=[strip],
        validators=[Optional(), Length(max=500), no_nul],
    )
    active = BooleanField("In the catalogue", default=True)

    def offer(self, tiers: Iterable[Tier], icon: str | None = None) -> None:
        """Set the choices: these tiers, the usual icons, and the icon that the reward has."""
        self.min_tier.choices = [_EVERYONE, *(SelectChoice(tier.slug, f"{tier.name} and above") for tier in tiers)]
        names = [*ICONS, *([icon] if icon and icon not in ICONS else [])]
        self.icon.choices = [SelectChoice(name, name.replace("-", " ").capitalize()) for name in names]

    def validate_image_url(self, field: Field) -> None:
        """Accept only an address that a page may load."""
        if not field.data.startswith(_PICTURES):
            raise ValidationError("Enter an address that begins with https:// or /static/.")

    def validate_starts_at(self, field: Field) -> None:
        """Accept only a year that every part can store and show."""
        if field.data is not None and field.data.year not in YEARS:
            raise ValidationError("Choose another year.")

    validate_ends_at = validate_starts_at

    def changes(self, zone: tzinfo) -> dict[str, object]:
        """The fields for `put_reward`; the form's times are in `zone`."""
        names = ("name", "points_cost", "inventory", "per_member_limit", "icon", "active")
        window = {name: _in_utc(getattr(self, name).data, zone) for name in ("starts_at", "ends_at")}
        optional = {name: getattr(self, name).data or None for name in ("min_tier", "image_url")}
        description = self.description.data or ""
        return {**{n: getattr(self, n).data for n in names}, **window, **optional, "description": description}


class NewRewardForm(RewardForm):
    """A reward to create."""

    slug = StringField(
        "Id",
        description="Small letters, digits and hyphens; the storefront knows the reward by it.",
        filters=[strip],
        validators=[
            DataRequired(message="Enter an id."),
            Length(max=64),
            Regexp(SLUG_PATTERN, message="Use small letters, digits and hyphens."),
        ],
    )


def form_values(reward: Reward, tier: Tier | None, zone: tzinfo) -> dict[str, object]:
    """A reward as its form shows it, with times in `zone`."""
    names = ("name", "description", "points_cost", "inventory", "per_member_limit", "icon", "image_url", "active")
    window = {name: _in_zone(getattr(reward, name), zone) for name in ("starts_at", "ends_at")}
    return {**{name: getattr(reward, name) for name in names}, **window, "min_tier": tier.slug if tier else ""}


def _in_utc(moment: datetime | None, zone: tzinfo) -> datetime | None:
    return moment.replace(tzinfo=zone).astimezone(UTC) if moment else None


def _in_zone(moment: datetime | None, zone: tzinfo) -> datetime | None:
    return moment.astimezone(zone).replace(tzinfo=None) if moment else None
