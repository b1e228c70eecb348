"""Shapes of the tiers' API."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from portal.platform.schemas import Answer, Schema, Text, no_nul
from portal.tiers.benefits import EARN_MULTIPLIER, read_factor

BIGGEST = 2**53 - 1
MAX_VALUE_LENGTH = 120
BenefitValue = Annotated[
    Annotated[str, Field(max_length=MAX_VALUE_LENGTH)] | int | float | bool | None, BeforeValidator(no_nul)
]


class BenefitInput(Schema):
    """What a tier brings: its kind, how it reads, and a value where it has one."""

    kind: Text(40)  # type: ignore[valid-type]  # a call makes the type
    label: Text(120)  # type: ignore[valid-type]  # a call makes the type
    value: BenefitValue = None

    @model_validator(mode="after")
    def _multiplies(self) -> Self:
        if self.kind == EARN_MULTIPLIER and read_factor(self.value) is None:
            raise ValueError('an earn_multiplier needs a number above 0 as its value, such as "1.5"')
        return self


class TierInput(Schema):
    """A tier to create or change; what is left out keeps its value."""

    name: Text(60) | None = None  # type: ignore[valid-type]  # a call makes the type
    threshold: Annotated[int, Field(strict=True, ge=0, le=BIGGEST)] | None = None
    benefits: list[BenefitInput] | None = Field(None, max_length=20)
    position: Annotated[int, Field(strict=True, ge=0, le=10_000)] | None = None
    active: bool | None = None

    def changes(self) -> dict[str, object]:
        """The fields that were given."""
        given = {name: getattr(self, name) for name in self.model_fields_set if getattr(self, name) is not None}
        if self.benefits is not None:
            given["benefits"] = [benefit.model_dump(exclude_unset=True) for benefit in self.benefits]
        return given


class Benefit(Answer):
    """What a tier brings."""

    kind: str
    label: str
    value: BenefitValue = None


class Tier(Answer):
    """A tier of the programme."""

    slug: str
    name: str
    threshold: int
    benefits: list[Benefit]
    position: int


class TierList(Answer):
    """Active tiers by threshold."""

    tiers: list[Tier]
