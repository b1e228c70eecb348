"""Earning rules: what operators write (CONTRACT-EARNING 8.3), validated, and what each of them says about a line."""

from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic.alias_generators import to_camel

from portal.earning.cart import Line
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.schemas import Moment, Points, Schema, Text, no_nul


def _one_line(value: object) -> object:
    if isinstance(value, str) and len(value.splitlines()) > 1:
        raise ValueError("must be a single line")
    return value


Code = Annotated[str, BeforeValidator(no_nul), BeforeValidator(_one_line), Field(min_length=1, max_length=128)]
MULTIPLIER = r"^[0-9]{1,3}(\.[0-9]{1,4})?$"
MOST_CODES = 1000
_SORTED = PlainSerializer(sorted, return_type=list[Any])
_CODES = Annotated[frozenset[Code], Field(max_length=MOST_CODES), _SORTED]
_WEEKDAYS = Annotated[frozenset[Annotated[int, Field(strict=True, ge=1, le=7)]], Field(max_length=7), _SORTED]


class RuleKind(StrEnum):
    """What a rule pays for."""

    SPEND = "spend"
    ITEM = "item"
    ORDER = "order"
    EVENT = "event"
    SIGN_UP = "sign_up"
    BIRTHDAY = "birthday"
    FIRST_ORDER = "first_order"
    MULTIPLIER = "multiplier"


OCCASIONS = frozenset({RuleKind.EVENT, RuleKind.SIGN_UP, RuleKind.BIRTHDAY})
"""What rules pay for besides orders."""


class MemberLimit(Schema):
    """How many points, or how often, a member may be granted in a calendar window of the programme's timezone."""

    points: Points | None = None
    times: Points | None = None
    window: Literal["day", "week", "month", "year", "ever"]

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.points is None) == (self.times is None):
            raise ValueError("needs either points or times")
        return self


class Limits(Schema):
    """Caps of a rule in points; `per_member` by window."""

    per_order: Points | None = None
    per_member: MemberLimit | None = None
    programme: Points | None = None


class Qualifies(Schema):
    """Whether its points count towards tiers, and its order towards a weekly streak."""

    tier: bool = True
    streak: bool = True


class RuleTerms(Schema):
    """One version of a rule. Money is in the smallest unit of the programme's currency.

    Fields that name nothing leave everything open: without `products`, `skus` and `categories` all lines match.
    """

    name: Text(120)  # type: ignore[valid-type]  # a call makes the type
    kind: RuleKind
    active: bool = True
    from_: Moment | None = Field(None, alias="from")
    until: Moment | None = None
    weekdays: _WEEKDAYS = frozenset()
    tiers: _CODES = frozenset()
    not_tiers: _CODES = frozenset()
    products: _CODES = frozenset()
    skus: _CODES = frozenset()
    categories: _CODES = frozenset()
    exclude_products: _CODES = frozenset()
    exclude_skus: _CODES = frozenset()
    exclude_categories: _CODES = frozenset()
    exclude_discounted: bool = False
    channels: _CODES = frozenset()
    currencies: _CODES = frozenset()
    minimum_basis: Annotated[int, Field(strict=True, ge=0, le=MAX_POINTS)] = 0
    event_type: Code | None = None
    points: Points | None = None
    per_amount: Points | None = None
    step: Literal["proportional", "whole"] = "proportional"
    multiplier: Annotated[str, Field(pattern=MULTIPLIER, max_length=8)] | None = None
    limits: Limits = Limits()
    priority: int = Field(0, ge=-1000, le=1000)
    stacks: bool = False
    pending_days: int | None = Field(None, ge=0, le=3650)
    expiry_months: int | None = Field(None, ge=1, le=1200)
    qualifies: Qualifies = Qualifies()
    on_partial_refund: Literal["recompute", "keep_until_zero"] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            RuleKind.SPEND: ("points", "per_amount"),
            RuleKind.MULTIPLIER: ("multiplier",),
            RuleKind.EVENT: ("points", "event_type"),
        }.get(self.kind, ("points",))
        missing = [to_camel(name) for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a {self.kind} rule needs {' and '.join(missing)}")
        if self.multiplier is not None and Fraction(self.multiplier) == 0:
            raise ValueError("multiplier must be greater than 0")
        if self.from_ and self.until and self.until <= self.from_:
            raise ValueError("until must be after from")
        return self

    def document(self) -> Document:
        """The rule as it was written: what was left out stays out, and equal rules have equal documents."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def factor(self) -> Fraction:
        """The multiplier as an exact number."""
        return Fraction(self.multiplier or 1)

    def is_in_time(self, moment: datetime) -> bool:
        """Whether it holds at that moment; the end itself is outside."""
        return (self.from_ is None or self.from_ <= moment) and (self.until is None or moment < self.until)

    def is_for_tier(self, tier: str | None) -> bool:
        """Whether it holds for members of this tier (None: of no tier)."""
        return (not self.tiers or tier in self.tiers) and tier not in self.not_tiers

    def specificity(self, line: Line) -> int | None:
        """How exactly it names this line: 3 by sku, 2 by product, 1 by category, 0 by naming nothing.

        None if it does not match, or excludes the line.
        """
        if self._excludes(line):
            return None
        if line.sku is not None and line.sku in self.skus:
            return 3
        if line.product_id is not None and line.product_id in self.products:
            return 2
        if not self.categories.isdisjoint(line.categories):
            return 1
        return None if self.skus or self.products or self.categories else 0

    def _excludes(self, line: Line) -> bool:
        return (
            line.sku in self.exclude_skus
            or line.product_id in self.exclude_products
            or not self.exclude_categories.isdisjoint(line.categories)
            or (self.exclude_discounted and line.discount > 0)
        )
