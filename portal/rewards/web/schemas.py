"""Shapes of the rewards' API."""

from typing import Annotated

from pydantic import Field, field_validator

from portal.platform.schemas import Answer, Moment, Points, Schema, Slug, Text


class RewardInput(Schema):
    """A reward to create or change; what is left out keeps its value. `inventory` null: unlimited."""

    name: Text(80) | None = None  # type: ignore[valid-type]  # a call makes the type
    description: Text(500, 0) | None = None  # type: ignore[valid-type]  # a call makes the type
    points_cost: Points | None = None
    inventory: Annotated[int, Field(strict=True, ge=0, le=2_000_000_000)] | None = None
    min_tier: Slug | None = None
    per_member_limit: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    active: bool | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    icon: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)] | None = None
    image_url: Text(500) | None = None  # type: ignore[valid-type]  # a call makes the type

    @field_validator("image_url")
    @classmethod
    def _loadable(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("/static/", "https://")):
            raise ValueError("must begin with https:// or /static/")
        return value

    def changes(self) -> dict[str, object]:
        """The fields that were given; null is kept where null means something."""
        nullable = {"inventory", "min_tier", "per_member_limit", "starts_at", "ends_at", "image_url"}
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name in nullable}


class Reward(Answer):
    """A perk for points. `available`: offered now and in stock."""

    slug: str
    name: str
    description: str
    points_cost: int
    inventory_remaining: int | None
    min_tier: str | None
    available: bool
    per_member_limit: int | None


class RewardList(Answer):
    """Active rewards, cheapest first."""

    rewards: list[Reward]
