"""Shapes of the nudges' API."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, field_validator

from portal.accounts import USER_ID_PATTERN
from portal.notifications import ChannelName
from portal.nudges.models import DispatchStatus, NudgeStatus
from portal.nudges.signals import SIGNALS
from portal.platform.documents import Document
from portal.platform.schemas import Answer, Page, Schema, Ulid

MAX_HOURS = 8760


class NudgeCampaignInput(Schema):
    """A campaign to create or change; what is left out keeps its value. No channels: cards in the portal alone."""

    signal: str | None = Field(None, max_length=64, json_schema_extra={"enum": [*SIGNALS, None]})
    ttl_hours: Annotated[int, Field(strict=True, ge=1, le=MAX_HOURS)] | None = None
    frequency_cap_hours: Annotated[int, Field(strict=True, ge=0, le=MAX_HOURS)] | None = None
    priority: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    channels: list[ChannelName] | None = Field(None, description="In order of preference.")
    active: Annotated[bool, Field(strict=True)] | None = None

    @field_validator("signal")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in SIGNALS:
            raise ValueError(f"must be one of {', '.join(SIGNALS)}")
        return value

    @field_validator("channels")
    @classmethod
    def _once_each(cls, value: list[ChannelName] | None) -> list[ChannelName] | None:
        if value is not None and len(set(value)) < len(value):
            raise ValueError("must name each channel once")
        return value

    def changes(self) -> Document:
        """The fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set if getattr(self, name) is not None}


class NudgeCampaign(Answer):
    """How a signal is turned into cards and messages."""

    slug: str
    signal: Annotated[str, Field(json_schema_extra={"enum": list(SIGNALS)})]
    ttl_hours: int
    frequency_cap_hours: int
    priority: int
    channels: list[ChannelName]
    active: bool


class NudgeAnswer(Schema):
    """What the member says: `acknowledged` ends messages about it, `dismissed` also takes it off the feed."""

    status: Literal["acknowledged", "dismissed"]


class Nudge(Answer):
    """A reminder for the member, and why it is shown."""

    id: Ulid
    type: Annotated[str, Field(json_schema_extra={"enum": list(SIGNALS)})]
    title: str
    body: str
    cta_label: str
    cta_url: str
    priority: int
    channels: list[ChannelName]
    status: NudgeStatus
    reason: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    metadata: dict[str, Any]


class NudgeFeed(Answer):
    """The member's nudges, most urgent first, and when to ask again."""

    nudges: list[Nudge]
    poll_after_seconds: int


class NudgeDispatchQuery(Page):
    """Which dispatches, and which page of them."""

    user_id: Annotated[str, Field(pattern=USER_ID_PATTERN)] | None = None
    statuses: list[DispatchStatus] = Field(default_factory=list, description="Alternatives; none: every status.")


class NudgeDispatch(Answer):
    """One decision to send a nudge or not to."""

    id: Ulid
    nudge_id: Ulid
    user_id: str
    campaign: str | None
    channel: ChannelName | None
    backend: str | None
    status: DispatchStatus
    reason: str
    created_at: AwareDatetime
    sent_at: AwareDatetime | None


class NudgeDispatchPage(Answer):
    """A page of dispatches, newest first."""

    dispatches: list[NudgeDispatch]
    next_cursor: str | None
