"""From what happened to what it brings: judged by rules and limits, without a cart.

What is granted is kept and posted, or put aside, as it is for orders; multipliers do not apply (CONTRACT-EARNING 8.3).
What is taken back by hand gives limits their room back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.earning.evaluation import Cap, Lost, Room, Rule, cap_points, find_refusal
from portal.earning.explanations import tell_grant
from portal.earning.grants import Cause, free_entitlements, get_grants, read_room, write_grants
from portal.earning.reads import get_versions
from portal.earning.rules import RuleTerms
from portal.ledger import EarningRules, EntryKey, EntryType, ExplainedRow, Explanation
from portal.platform.clock import week_of
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.formatting import reader_locale
from portal.platform.settings import current_settings

# Where their ledger entries and grants come from.
SOURCES = EVENT, SIGN_UP, BIRTHDAY = "event", "sign_up", "birthday"

Credit = ledger.Posting | ledger.PendingCredit

_STANDING = text("""
    SELECT m.status = 'suspended' AS suspended, t.slug AS tier
    FROM loyalty_members m LEFT JOIN loyalty_tiers t ON t.id = m.tier_id WHERE m.id = :member_id
""")
_GRANTED = text("""
    SELECT g.slug, g.version, g.facts, v.terms FROM loyalty_earning_grants g
    JOIN loyalty_earning_rule_versions v ON v.slug = g.slug AND v.version = g.version
    WHERE g.member_id = :member_id AND g.source = :source AND g.external_id = :external_id AND g.slug = :slug
""")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What happened, the type of entry that it makes, and the codes that its entries keep."""

    cause: Cause
    entry_type: EntryType
    metadata: Document = field(default_factory=dict)


class Standing(NamedTuple):
    """Whether a member is suspended, and the slug of their tier."""

    suspended: bool
    tier: str | None


class Outcome(NamedTuple):
    """What a rule pays on an occasion: its points and the limit that has cut them, or why it pays nothing."""

    rule: Rule
    points: int
    cap: Cap | None = None
    lost: Lost | None = None

    @property
    def facts(self) -> Document:
        """What its explanation is made of."""
        return {"points": self.points, **({"cap": self.cap} if self.cap else {})}


def read_standing(session: Session, member_id: UUID) -> Standing:
    """How a member stands now. The caller holds their row lock."""
    return Standing(*session.execute(_STANDING, {"member_id": member_id}).one())


def find_refusals(rules: Sequence[Rule], moment: datetime, zone: ZoneInfo, tier: str | None) -> dict[str, Lost | None]:
    """Why each of these rules, by slug, pays nothing at that moment to a member of this tier; None: it may pay."""
    return {rule.slug: find_refusal(rule.terms, moment, zone, tier) for rule in rules}


def judge(
    session: Session, cause: Cause, rules: Sequence[Rule], lost: Mapping[str, Lost | None], earning: EarningRules
) -> list[Outcome]:
    """What each of these rules pays within its limits, unless it is `lost`.

    The caller holds the member's row lock; the limits of the programme are locked until the end of the transaction.
    """
    room = read_room(session, cause, [rule for rule in rules if lost[rule.slug] is None], earning.zone, writes=True)
    outcomes = []
    for rule in rules:
        points, cap = 0, None
        if lost[rule.slug] is None:
            points, cap = cap_points(rule.terms, rule.terms.points or 0, room.get(rule.slug, Room()))
        outcomes.append(Outcome(rule, points, cap, lost[rule.slug]))
    return outcomes


def grant(
    session: Session, occasion: Occasion, outcomes: Sequence[Outcome], now: datetime, earning: EarningRules
) -> list[Credit]:
    """Keep what these outcomes grant; returns the credits, for `book`. The caller holds the member's row lock."""
    paying = [outcome for outcome in outcomes if outcome.points]
    if paying:
        write_grants(session, occasion.cause, [(each.rule, each.points, each.facts) for each in paying], now)
    return [_credit(occasion, each, now, earning) for each in paying]


def book(session: Session, given: Sequence[Credit], now: datetime) -> ledger.Posted:
    """Post the credits that are active now, and put the others aside."""
    waiting = [each for each in given if isinstance(each, ledger.PendingCredit)]
    if waiting:
        ledger.put_aside(session, waiting, now)
    active = [each for each in given if isinstance(each, ledger.Posting)]
    return ledger.post(session, active, now) if active else ledger.Posted([], [])


def get_activation(cause: Cause, rule: Rule) -> datetime:
    """When points of the rule become active: its own `pendingDays` after the cause. `PENDING_DAYS` are of orders."""
    return cause.at + timedelta(days=rule.terms.pending_days or 0)


def give_room_back(session: Session, entry: EntryKey, points: int, now: datetime) -> None:
    """Note that so many points of a grant were taken back by hand, by the date that it counts by in limits.

    What is had once, and of which nothing is left, may be had again. The caller holds the member's row lock.
    """
    _, episode, slug = entry.effect.split(":")
    cause = Cause(entry.member_id, entry.source, entry.external_id, now, int(episode))
    known = get_grants(session, cause)[slug]
    cause = replace(cause, at=known.at)
    write_grants(session, cause, [(rule, -points, known.facts) for rule in get_versions([(slug, known.version)])], now)
    if known.net == points:
        free_entitlements(session, cause, [slug])


class _Granted(NamedTuple):
    """A grant with the rule's terms then."""

    slug: str
    version: int
    facts: Document
    terms: Document


def explain_entry(row: ExplainedRow) -> Explanation | None:
    """The explanation of what an occasion has brought; None if none of its grants is known, or one was taken back."""
    if row.entry_type == EntryType.REVERSAL:
        return None
    values = {"member_id": row.member_id, "source": row.source, "external_id": row.external_id}
    found = read_one(_GRANTED, {**values, "slug": row.metadata.get("rule")}, _Granted)
    if found is None:
        return None
    terms = RuleTerms.model_validate(found.terms)
    return Explanation(
        tell_grant(terms, found.facts, current_settings().programme_currency, reader_locale()),
        {"slug": found.slug, "version": found.version, "name": terms.name},
        cap=found.facts.get("cap"),
    )


def _credit(occasion: Occasion, outcome: Outcome, now: datetime, earning: EarningRules) -> Credit:
    rule, cause = outcome.rule, occasion.cause
    effect = f"grant:{cause.episode}:{rule.slug}"
    metadata = {**occasion.metadata, "rule": rule.slug, "rule_version": rule.version}
    week = week_of(cause.at, earning.zone) if rule.terms.qualifies.streak else None
    at = get_activation(cause, rule)
    if at > now:
        return ledger.PendingCredit(
            cause.member_id,
            outcome.points,
            occasion.entry_type,
            cause.source,
            cause.external_id,
            effect,
            at,
            cause.at,
            rule.terms.qualifies.tier,
            week,
            _months(rule, earning),
            metadata,
        )
    return ledger.Posting(
        cause.member_id,
        outcome.points,
        occasion.entry_type,
        cause.source,
        cause.external_id,
        effect,
        now,
        metadata,
        expires_at=earning.expiry_after(now, _months(rule, earning)),
        week=week,
        qualifying=outcome.points if rule.terms.qualifies.tier else 0,
        qualifies_at=cause.at,
    )


def _months(rule: Rule, earning: EarningRules) -> int:
    """How many months points of the rule live; 0: for ever."""
    if "expiry_months" in rule.terms.model_fields_set:
        return rule.terms.expiry_months or 0
    return earning.expire_after_months
