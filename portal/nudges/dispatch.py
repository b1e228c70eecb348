"""Sending what is due: decided and claimed under the member's row lock, sent outside any transaction, then recorded."""

import random
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.members import lock_members
from portal.notifications import ChannelName, Outcome, get_recipient, send_loyalty_nudge
from portal.nudges import events
from portal.nudges.cards import reader_of, write
from portal.nudges.events import About
from portal.nudges.feed import refresh_members
from portal.nudges.governor import ASK_AGAIN, Hold, Situation, begin_of_day, decide
from portal.nudges.models import NudgeStatus
from portal.nudges.reasons import REFUSALS, Reason
from portal.nudges.rules import NudgeRules
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.steps import EVERYBODY, Figures, Shard

BATCH = 25
# A piece of a run must end before its lease of 60 s, even if the provider is slow with the last message.
PIECE_SECONDS = 20
RETRY_AFTER = timedelta(minutes=10)
FIGURES = ("sent", "held", "failed", "deferred", "uncertain")

_DUE = text("""
    SELECT n.member_id, n.id FROM loyalty_nudges n LEFT JOIN loyalty_nudge_campaigns c ON c.id = n.campaign_id
    WHERE n.status = 'active' AND n.next_dispatch_at <= :now AND n.member_id IN (
        SELECT member_id FROM loyalty_nudges
        WHERE status = 'active' AND next_dispatch_at <= :now AND get_byte(uuid_send(member_id), 15) % :of = :number
        ORDER BY next_dispatch_at LIMIT :limit)
    ORDER BY n.member_id, c.priority DESC NULLS LAST, n.id
""")
_NUDGE = text(f"""
    SELECT n.id, n.signal, n.status, n.payload, n.created_at, n.expires_at, n.next_dispatch_at, n.campaign_id,
           c.channels, c.frequency_cap_hours, c.active, m.user_id, m.status AS membership, u.locale, u.timezone,
           {events.SUPERSEDED} AS superseded
    FROM loyalty_nudges n JOIN loyalty_members m ON m.id = n.member_id JOIN users u ON u.id = m.user_id
    LEFT JOIN loyalty_nudge_campaigns c ON c.id = n.campaign_id
    WHERE n.member_id = :member_id AND n.id = :nudge_id
""")
_NEXT = text("""
    UPDATE loyalty_nudges SET next_dispatch_at = :at WHERE member_id = :member_id AND id = :nudge_id
""")
_TRIGGERED = text("""
    UPDATE loyalty_nudges n SET last_notified_at = :at, next_dispatch_at = CASE
        WHEN c.frequency_cap_hours > 0 AND :at + make_interval(hours => c.frequency_cap_hours) < n.expires_at
        THEN :at + make_interval(hours => c.frequency_cap_hours) END
    FROM loyalty_nudge_campaigns c
    WHERE c.id = n.campaign_id AND n.member_id = ANY(:member_ids) AND n.id = ANY(:nudge_ids)
""")


class NudgeRow(NamedTuple):
    """A nudge with its campaign (None if that is gone), member and reader; `superseded`: another has replaced it."""

    id: UUID
    signal: str
    status: str
    payload: Document
    created_at: datetime
    expires_at: datetime
    next_dispatch_at: datetime | None
    campaign_id: UUID | None
    channels: list[str]
    frequency_cap_hours: int
    active: bool | None
    user_id: str
    membership: str
    locale: str | None
    timezone: str | None
    superseded: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A nudge that may be due; whoever takes it checks again."""

    member_id: UUID
    nudge_id: UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """A nudge that this worker has claimed: what to send, and to whom."""

    about: About
    event_id: UUID
    user_id: str
    channel: ChannelName
    card: Document


def collect_nudge_dispatch_batch(
    session: Session, now: datetime, *, limit: int = BATCH, shard: Shard = EVERYBODY
) -> list[Due]:
    """The nudges due the longest, with all others due for the same members, ordered by member and then priority."""
    values = {"now": now, "limit": limit, "number": shard.number, "of": shard.of}
    return [Due(*row) for row in session.execute(_DUE, values)]


def dispatch_batch(shard: Shard = EVERYBODY, *, limit: int = BATCH) -> Figures | None:
    """Decide about a batch and send what may be sent; None if nothing is due. Safe to run concurrently."""
    rules, begun = NudgeRules.current(), time.monotonic()
    with unit_of_work() as session:
        batch = collect_nudge_dispatch_batch(session, clock.now(), limit=limit, shard=shard)
    if not batch:
        return None
    figures = dict.fromkeys(FIGURES, 0)
    for due in _from_anywhere(batch):
        figures[dispatch(due, rules)] += 1
        if time.monotonic() - begun > PIECE_SECONDS:
            break
    return figures


def _from_anywhere(batch: list[Due]) -> list[Due]:
    """The batch rotated to begin at a random member, so that dispatchers of the same batch seldom collide."""
    starts = [place for place, due in enumerate(batch) if place == 0 or batch[place - 1].member_id != due.member_id]
    start = random.choice(starts)  # noqa: S311 - no secret
    return batch[start:] + batch[:start]


def dispatch(due: Due, rules: NudgeRules) -> str:
    """Send a nudge, or record why not; one of `FIGURES`."""
    if not _is_due(read_one(_NUDGE, {"member_id": due.member_id, "nudge_id": due.nudge_id}), clock.now()):
        return "held"  # another worker has handled it: found without waiting for a lock
    with unit_of_work() as session:
        taken = claim_nudge(session, due, clock.now(), rules)
    if taken is None:
        return "held"
    outcome = send_loyalty_nudge(
        message_key(taken.event_id),
        taken.user_id,
        taken.channel,
        taken.card,
        {"nudge_id": ids.encode(due.nudge_id), "signal": taken.about.signal},
    )
    with unit_of_work() as session:
        record_outcome(session, taken.about, taken.event_id, outcome, clock.now())
    return "held" if outcome.status == "suppressed" else outcome.status


def message_key(event_id: UUID) -> str:
    """The deduplication key of a claim's message."""
    return f"nudge:{ids.encode(event_id)}"


def claim_nudge(session: Session, due: Due, now: datetime, rules: NudgeRules) -> Claim | None:
    """Decide about a nudge under its member's row lock, and claim it; None if it may not be sent.

    Its cause is checked again under the lock. A claimed nudge is no longer due, whatever happens.
    """
    lock_members(session, [due.member_id])
    refresh_members(session, [due.member_id], now, rules)
    found = session.execute(_NUDGE, {"member_id": due.member_id, "nudge_id": due.nudge_id}).one()
    row = cast("NudgeRow", found)
    if row.status == NudgeStatus.ACTIVE and not _is_due(row, now):
        return None
    about = About(due.member_id, due.nudge_id, row.campaign_id, row.created_at, row.signal)
    if row.status != NudgeStatus.ACTIVE:
        events.hold(session, about, events.why_gone(row, now), now)
        return None
    situation, attempt = _look(session, about, row, now, rules)
    decision = decide(situation)
    if isinstance(decision, Hold):
        events.hold(session, about, decision.reason, now, until=decision.until, deferred=decision.deferred)
        _think_again(session, about, decision.until)
        return None
    event_id = events.claim(session, about, decision.channel, attempt, now)
    _think_again(session, about, None)
    if event_id is None:
        return None
    words = write(row.signal, row.payload, reader_of(row, rules, now))
    card = {name: getattr(words, name) for name in ("title", "body", "cta_label", "path", "reason")}
    return Claim(about, event_id, row.user_id, decision.channel, card)


def record_outcome(
    session: Session, about: About, event_id: UUID, outcome: Outcome, now: datetime, reason: Reason | None = None
) -> None:
    """Record how a claim ended, when the provider accepted it, and when its nudge is due again.

    An uncertain one may have arrived: its nudge is not sent again until another cause arises.
    """
    lock_members(session, [about.member_id])
    why = reason or _REASONS.get(outcome.status) or REFUSALS.get(outcome.reason) or Reason(outcome.reason)
    sent_at = (outcome.sent_at or now) if outcome.status == "sent" else None
    if not events.finish(session, about, event_id, outcome.status, why, outcome.backend, sent_at):
        return
    if sent_at is not None:
        mark_nudges_triggered(session, [Due(about.member_id, about.nudge_id)], sent_at)
    elif outcome.status == "failed":
        _think_again(session, about, now)  # by the next channel, if there is one
    elif outcome.status == "deferred":
        _think_again(session, about, now + RETRY_AFTER)
    elif outcome.status == "suppressed":
        _think_again(session, about, now + ASK_AGAIN)


def mark_nudges_triggered(session: Session, nudges: Collection[Due], now: datetime) -> None:
    """Record that nudges were sent: they are due again after their campaign's cap, unless they expire by then."""
    values = {"at": now, "member_ids": [n.member_id for n in nudges], "nudge_ids": [n.nudge_id for n in nudges]}
    session.execute(_TRIGGERED, values)


_REASONS = {
    "sent": Reason.DUE,
    "failed": Reason.PROVIDER_REFUSED,
    "deferred": Reason.PROVIDER_UNAVAILABLE,
    "uncertain": Reason.OUTCOME_UNKNOWN,
}


def _is_due(row: NudgeRow | None, now: datetime) -> bool:
    if row is None or row.status != NudgeStatus.ACTIVE:
        return False
    return row.next_dispatch_at is not None and row.next_dispatch_at <= now


def _think_again(session: Session, about: About, at: datetime | None) -> None:
    session.execute(_NEXT, {"at": at, "member_id": about.member_id, "nudge_id": about.nudge_id})


def _look(session: Session, about: About, row: NudgeRow, now: datetime, rules: NudgeRules) -> tuple[Situation, int]:
    """The governor's input, and the number of the attempt that may follow."""
    recipient = get_recipient(session, row.user_id)
    cap = timedelta(hours=row.frequency_cap_hours)
    day = begin_of_day(recipient, now, rules.zone)
    since = min(day, now - cap) - timedelta(microseconds=1)
    history = events.get_history(session, about, now=now, day=day, since=since)
    situation = Situation(
        now=now,
        suspended=row.membership != "active",
        recipient=recipient,
        channels=tuple(map(ChannelName, row.channels)),
        refused_channels=history.refused_channels,
        cap=cap,
        last_of_campaign=history.last_of_campaign,
        sent_today=history.sent_today,
        daily_cap=rules.daily_cap,
        zone=rules.zone,
        quiet_hours=rules.quiet_hours,
    )
    return situation, history.attempts
