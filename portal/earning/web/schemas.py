"""Shapes of the API of earning rules."""

from typing import Literal

from pydantic import AwareDatetime

from portal.earning import RuleTerms
from portal.ledger.web import LedgerEntry
from portal.platform.schemas import Answer, Slug, Text


class EarningRuleInput(RuleTerms):
    """A rule, whole: what is left out is open, or the programme's default. `expiryMonths` null: never."""


class EarningRule(RuleTerms):
    """A version of a rule."""

    slug: Slug
    version: int
    created_at: AwareDatetime
    created_by: Text(300)  # type: ignore[valid-type]  # a call makes the type


class EarningRulePage(Answer):
    """A page of the rules, each in the version that holds."""

    rules: list[EarningRule]
    next_cursor: str | None


class EarningRuleVersionPage(Answer):
    """A page of a rule's versions, newest first."""

    versions: list[EarningRule]
    next_cursor: str | None


class WayToEarn(Answer):
    """A rule in words; `perAmount` is in the smallest unit of the programme's currency."""

    rule: str
    sentence: str
    points: int | None = None
    per_amount: int | None = None


class WaysToEarn(Answer):
    """What brings points now."""

    ways: list[WayToEarn]


class EventOutcome(Answer):
    """What a rule of the event's type has granted; `limited`: a limit has cut its points, perhaps to 0."""

    rule: str
    outcome: Literal["granted", "limited", "not_matched"]
    points: int
    sentence: str


class EventAnswer(Answer):
    """What an event has brought: by rule, and the ledger entries written at once (points may be pending)."""

    outcomes: list[EventOutcome]
    entries: list[LedgerEntry]
