"""Events: what members do besides ordering, told by the shop; each counts once for ever (CONTRACT-EARNING 8.2)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

import orjson
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import ledger
from portal.config import Settings
from portal.earning.explanations import explain_lost, tell_grant
from portal.earning.grants import Cause
from portal.earning.models import Event
from portal.earning.occasions.granting import (
    EVENT,
    Occasion,
    Outcome,
    book,
    find_refusals,
    get_activation,
    grant,
    judge,
    read_standing,
)
from portal.earning.problems import EventConflict
from portal.earning.reads import get_active_rules
from portal.earning.rules import Code, RuleKind
from portal.ledger import EntryType
from portal.members import lock_members
from portal.platform.audit import Act
from portal.platform.clock import CLOCKS_DIFFER
from portal.platform.documents import Document, to_json
from portal.platform.formatting import format_date_in, reader_locale
from portal.platform.problems import InvalidInput
from portal.platform.schemas import Metadata, Moment, Reference, Schema, Text
from portal.tiers import enrol

SUSPENDED = "The membership is suspended."


class EventInput(Schema):
    """What a member did, and when (left out: now). Of the attributes only a digest is kept."""

    event_id: Reference
    user_id: Text(64)  # type: ignore[valid-type]  # a call makes the type
    type: Code
    occurred_at: Annotated[Moment | None, Field(description="Judges rules and limits; not in the future.")] = None
    attributes: Metadata


@dataclass(frozen=True, slots=True)
class EventRules:
    """How points live, and the key of the digests by which an event is known again."""

    earning: ledger.EarningRules
    currency: str
    key: bytes

    @classmethod
    def of(cls, settings: Settings) -> "EventRules":
        """The rules that these settings define."""
        earning = ledger.EarningRules.of(settings)
        return cls(earning, settings.programme_currency, settings.secret_key.encode())


class Recorded(NamedTuple):
    """The answer to an event, and whether this call has given it first."""

    answer: Document
    created: bool


def record_event(session: Session, event: EventInput, act: Act, rules: EventRules) -> Recorded:
    """Grant what an event brings, once: told again, it gets the same answer and brings nothing more.

    A user who is no member yet becomes one. A suspended member is granted nothing, and nothing later for this event.

    :raises InvalidInput: if it lies in the future.
    :raises portal.accounts.UserNotFound: if there is no such user.
    :raises EventConflict: if an event with this id and other content is known.
    """
    if event.occurred_at is not None and event.occurred_at > act.now + CLOCKS_DIFFER:
        raise InvalidInput(("occurredAt", "must not be in the future"))
    member_id = enrol(session, event.user_id).id
    lock_members(session, [member_id])  # before the row that refers to it, which would lock it too, and less
    values = {
        "event_id": event.event_id,
        "member_id": member_id,
        "event_type": event.type,
        "occurred_at": event.occurred_at or act.now,
        "received_at": act.now,
        "actor": act.actor,
        "digest": _digest(event, rules.key),
        "answer": {},
    }
    if session.scalar(insert(Event).values(values).on_conflict_do_nothing().returning(Event.event_id)) is None:
        return Recorded(_first_answer(session, values), created=False)
    row = session.get_one(Event, event.event_id)
    row.answer = orjson.loads(to_json(_grant(session, row, act.now, rules)))
    session.flush()
    return Recorded(row.answer, created=True)


def _digest(event: EventInput, key: bytes) -> bytes:
    """What two deliveries of one event have in common; it tells nobody what the attributes were."""
    content = event.model_dump(mode="json")
    return hmac.digest(key, b"event:" + orjson.dumps(content, option=orjson.OPT_SORT_KEYS), hashlib.sha256)


def _first_answer(session: Session, values: Document) -> Document:
    known = session.scalars(select(Event).where(Event.event_id == values["event_id"])).one()
    if not hmac.compare_digest(known.digest, values["digest"]):
        raise EventConflict
    return known.answer


def _grant(session: Session, event: Event, now: datetime, rules: EventRules) -> Document:
    """The answer to an event that is new. The caller holds the member's row lock."""
    cause = Cause(event.member_id, EVENT, event.event_id, event.occurred_at)
    found = [rule for rule in get_active_rules(RuleKind.EVENT) if rule.terms.event_type == event.event_type]
    suspended, tier = read_standing(session, event.member_id)
    if suspended:
        outcomes = [Outcome(rule, 0) for rule in found]
        return {"outcomes": [_tell(each, "not_matched", SUSPENDED) for each in outcomes], "entries": []}
    lost = find_refusals(found, cause.at, rules.earning.zone, tier)
    outcomes = judge(session, cause, found, lost, rules.earning)
    metadata = {"event_id": event.event_id, "event_type": event.event_type}
    occasion = Occasion(cause, EntryType.EVENT, metadata)
    posted = book(session, grant(session, occasion, outcomes, now, rules.earning), now)
    return {
        "outcomes": [_explain(outcome, cause, now, rules) for outcome in outcomes],
        "entries": [ledger.serialize_entry(entry) for entry in posted.entries + posted.recoveries],
    }


def _explain(outcome: Outcome, cause: Cause, now: datetime, rules: EventRules) -> Document:
    """The outcome in words; what a limit has cut is `limited`, even if some points are left."""
    terms = outcome.rule.terms
    if outcome.lost is not None:
        return _tell(outcome, "not_matched", explain_lost(terms.kind, outcome.lost))
    sentence = tell_grant(terms, outcome.facts, rules.currency, reader_locale())
    at = get_activation(cause, outcome.rule)
    if outcome.points and at > now:
        sentence += f" Active on {format_date_in(at, now, rules.earning.zone)}."
    return _tell(outcome, "limited" if outcome.cap else "granted", sentence)


def _tell(outcome: Outcome, what: str, sentence: str) -> Document:
    return {"rule": outcome.rule.slug, "outcome": what, "points": outcome.points, "sentence": sentence}
