"""The record of every decision about a nudge: sent, deferred or not sent, each with its reason (CONTRACT rule 19)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.notifications import NUDGE, ChannelName, add_messages
from portal.nudges.models import NudgeStatus
from portal.nudges.reasons import Reason
from portal.platform import clock, ids
from portal.platform.documents import to_json

# Longer than a provider may take. It follows the real clock, even if a run works as of another moment.
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class History:
    """What was sent to a member or is being sent, as the caps count it, and earlier attempts at this nudge."""

    last_of_campaign: datetime | None
    sent_today: int
    refused_channels: tuple[ChannelName, ...]
    attempts: int


# A claimed message counts as sent now, whenever it was first tried.
_HISTORY = text("""
    WITH sent AS (
        SELECT campaign_id, sent_at AS at FROM loyalty_nudge_dispatch_events
        WHERE member_id = :member_id AND status = 'sent' AND sent_at > :since
        UNION ALL
        SELECT campaign_id, CAST(:now AS timestamptz) FROM loyalty_nudge_dispatch_events
        WHERE member_id = :member_id AND status = 'claimed'
    ), mine AS (
        SELECT status, channel FROM loyalty_nudge_dispatch_events
        WHERE member_id = :member_id AND nudge_id = :nudge_id AND created_at >= :made_at
    )
    SELECT (SELECT max(at) FROM sent WHERE campaign_id = :campaign_id) AS last_of_campaign,
           (SELECT count(*) FROM sent WHERE at >= :day) AS sent_today,
           (SELECT coalesce(array_agg(channel), '{}') FROM mine WHERE status = 'failed') AS refused,
           (SELECT count(*) FROM mine WHERE status IN ('sent', 'failed')
               OR (status = 'suppressed' AND channel IS NOT NULL)) AS attempts
""")
_CLAIM = text("""
    INSERT INTO loyalty_nudge_dispatch_events AS e (member_id, id, nudge_id, campaign_id, channel, status, reason,
        dedupe_key, metadata, created_at, lease_until)
    VALUES (:member_id, :id, :nudge_id, :campaign_id, :channel, 'claimed', :reason, :key, CAST(:details AS jsonb), :now,
        :lease_until)
    ON CONFLICT (member_id, dedupe_key) DO UPDATE SET status = 'claimed', channel = excluded.channel,
        reason = excluded.reason, lease_until = excluded.lease_until
        WHERE e.status = 'deferred'
    RETURNING id
""")
_HOLD = text("""
    INSERT INTO loyalty_nudge_dispatch_events (member_id, id, nudge_id, campaign_id, status, reason, dedupe_key,
        metadata, created_at)
    VALUES (:member_id, :id, :nudge_id, :campaign_id, :status, :reason, :key, CAST(:details AS jsonb), :now)
    ON CONFLICT (member_id, dedupe_key) DO NOTHING
    RETURNING status
""")
SUPERSEDED = """
    EXISTS (SELECT FROM loyalty_nudges x WHERE x.member_id = n.member_id AND x.signal = n.signal
            AND x.id <> n.id AND x.status IN ('active', 'acknowledged', 'dismissed'))
"""
# A nudge that was only deferred counts as undecided.
_UNDECIDED = text(f"""
    SELECT n.member_id, n.id, n.campaign_id, n.created_at, n.signal, n.status, n.expires_at, c.active,
           {SUPERSEDED} AS superseded
    FROM loyalty_nudges n LEFT JOIN loyalty_nudge_campaigns c ON c.id = n.campaign_id
    WHERE n.id = ANY(:nudge_ids) AND n.status <> 'active' AND NOT EXISTS (
        SELECT FROM loyalty_nudge_dispatch_events e
        WHERE e.member_id = n.member_id AND e.nudge_id = n.id AND e.status <> 'deferred')
""")
_HOLD_ALL = text("""
    INSERT INTO loyalty_nudge_dispatch_events (member_id, id, nudge_id, campaign_id, status, reason, dedupe_key,
        metadata, created_at)
    SELECT n.member_id, new_ulid(:now), n.id, n.campaign_id, 'suppressed', held.reason, held.key,
           jsonb_build_object('signal', n.signal), :now
    FROM unnest(CAST(:nudge_ids AS uuid[]), CAST(:reasons AS text[]), CAST(:keys AS text[])) AS held(id, reason, key)
    JOIN loyalty_nudges n ON n.id = held.id
    ON CONFLICT (member_id, dedupe_key) DO NOTHING
    RETURNING id
""")
_FINISH = text("""
    UPDATE loyalty_nudge_dispatch_events SET status = :status, reason = :reason, backend = :backend,
        sent_at = :sent_at, lease_until = NULL
    WHERE member_id = :member_id AND id = :id AND status IN ('claimed', 'uncertain')
    RETURNING status
""")


@dataclass(frozen=True, slots=True)
class About:
    """The nudge that a decision is about, when it was made, and its campaign."""

    member_id: UUID
    nudge_id: UUID
    campaign_id: UUID | None
    made_at: datetime
    signal: str

    def key(self, *parts: object) -> str:
        """The deduplication key of a decision about this nudge."""
        return ":".join(map(str, (ids.encode(self.nudge_id), int(self.made_at.timestamp() * 1000), *parts)))


def get_history(session: Session, about: About, *, now: datetime, day: datetime, since: datetime) -> History:
    """What the caps count: messages sent since `since`, and those of today since `day`; open claims count as sent."""
    row = session.execute(
        _HISTORY,
        {
            "member_id": about.member_id,
            "nudge_id": about.nudge_id,
            "campaign_id": about.campaign_id,
            "made_at": about.made_at,
            "now": now,
            "day": day,
            "since": since,
        },
    ).one()
    return History(row.last_of_campaign, row.sent_today, tuple(map(ChannelName, row.refused)), row.attempts)


def claim(session: Session, about: About, channel: ChannelName, attempt: int, now: datetime) -> UUID | None:
    """Record, before sending, that a nudge is being sent (CONTRACT rule 18); None if this attempt was already made."""
    values = {
        **_row(about, now),
        "channel": channel.value,
        "reason": Reason.SENDING,
        "key": about.key("send", attempt),
        "lease_until": clock.real_now() + LEASE,
        "details": _details(about),
    }
    found: UUID | None = session.scalar(_CLAIM, values)
    return found


def hold(
    session: Session,
    about: About,
    reason: Reason,
    now: datetime,
    *,
    until: datetime | None = None,
    deferred: bool = False,
) -> None:
    """Record that a nudge is not sent, and why: once per nudge and reason.

    For quiet hours and the daily cap it is once for each `until`.
    """
    until_key = (until.isoformat(),) if until and reason in (Reason.QUIET_HOURS, Reason.DAILY_CAP) else ()
    status = "deferred" if deferred else "suppressed"
    values = {
        **_row(about, now),
        "status": status,
        "reason": reason,
        "key": about.key(reason, *until_key),
        "details": _details(about, until=until),
    }
    if session.execute(_HOLD, values).first() is not None:
        add_messages(session, NUDGE.name, None, status)


def hold_unsent(session: Session, nudge_ids: Collection[UUID], now: datetime) -> None:
    """Record why ended or answered nudges are not sent, unless a decision about them is recorded already."""
    rows = session.execute(_UNDECIDED, {"nudge_ids": list(nudge_ids)}).all() if nudge_ids else []
    if not rows:
        return
    reasons = [why_gone(row, now) for row in rows]
    keys = [
        About(row.member_id, row.id, row.campaign_id, row.created_at, row.signal).key(reason)
        for row, reason in zip(rows, reasons, strict=True)
    ]
    values = {"nudge_ids": [row.id for row in rows], "reasons": reasons, "keys": keys, "now": now}
    if held := session.execute(_HOLD_ALL, values).all():
        add_messages(session, NUDGE.name, None, "suppressed", len(held))


def why_gone(row: Any, now: datetime) -> Reason:
    """The reason why a nudge that is no longer active is not sent: it was answered, or what ended it."""
    if row.status != NudgeStatus.GONE:
        return Reason.ANSWERED
    if row.superseded:
        return Reason.SUPERSEDED
    if not row.active:
        return Reason.CAMPAIGN_INACTIVE
    return Reason.EXPIRED if row.expires_at <= now else Reason.CAUSE_GONE


def finish(
    session: Session,
    about: About,
    event_id: UUID,
    status: str,
    reason: Reason,
    backend: str | None,
    sent_at: datetime | None,
) -> bool:
    """Record how a claim ended; False if that was recorded already. A later outcome may still replace `uncertain`.

    `sent_at` is when the provider accepted it, None if it did not.
    """
    values = {
        "member_id": about.member_id,
        "id": event_id,
        "status": status,
        "reason": reason,
        "backend": backend,
        "sent_at": sent_at,
    }
    return session.execute(_FINISH, values).first() is not None


def _row(about: About, now: datetime) -> dict[str, object]:
    return {
        "member_id": about.member_id,
        "id": ids.new_id(),
        "nudge_id": about.nudge_id,
        "campaign_id": about.campaign_id,
        "now": now,
    }


def _details(about: About, **more: Any) -> str:
    return to_json({"signal": about.signal, **{name: value for name, value in more.items() if value}}).decode()
