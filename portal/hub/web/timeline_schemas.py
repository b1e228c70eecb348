"""Shapes of the timeline."""

from typing import Any

from pydantic import AwareDatetime, Field, ValidationError
from werkzeug.datastructures import MultiDict

from portal.hub.timeline import Kind
from portal.platform.schemas import Answer, Schema, Ulid
from portal.platform.web.inputs import invalid


class TimelineQuery(Schema):
    """Which kinds of events, and which page of them."""

    types: list[Kind] = Field(default_factory=list, description="Alternatives; none: every kind.")
    limit: int = Field(20, ge=1, le=100)
    cursor_token: str | None = Field(None, max_length=2000, description="The `cursorToken` of the page before.")

    @classmethod
    def of_page(cls, args: MultiDict[str, str]) -> "TimelineQuery":
        """Read the query from a page's URL; its other parameters are ignored.

        :raises portal.platform.problems.InvalidInput: if a kind is unknown, or the cursor too long.
        """
        try:
            return cls.model_validate({"types": args.getlist("types"), "cursorToken": args.get("cursorToken")})
        except ValidationError as error:
            raise invalid(error) from error


class TimelineItem(Answer):
    """One event. `points`: a change of the balance, the cost of a redemption, or what a referral is worth."""

    id: Ulid
    kind: Kind
    occurred_at: AwareDatetime
    title: str
    detail: str
    points: int | None
    status: str | None
    metadata: dict[str, Any]
    can_retry: bool


class TimelinePage(Answer):
    """A page of a member's events, newest first; `cursorToken` leads to the next."""

    items: list[TimelineItem]
    cursor_token: str | None
    has_more: bool
