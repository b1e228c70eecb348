"""Requests that have waited long for the shop."""

from datetime import datetime

from portal.nudges.rules import NudgeRules
from portal.nudges.signals.base import Facts, Reader, Signal, Words

_DUE = "r.status = 'requested' AND r.requested_at <= :stalled_before AND r.hold_expires_at > :now"


def _bounds(rules: NudgeRules, now: datetime) -> dict[str, datetime]:
    return {"stalled_before": now - rules.stalled_after}


def _words(facts: Facts, reader: Reader) -> Words:
    since, held = reader.day(facts["requested_at"]), reader.points(facts["points"])
    many = facts["requests"] > 1
    what = f"{facts['requests']} of your requests" if many else facts["title"]
    return Words(
        title=f"{what} {'are' if many else 'is'} still waiting",
        body=f"The shop hasn’t confirmed {'them' if many else 'it'} yet. Your {held} stay on hold meanwhile; "
        "you can also cancel and have them back.",
        cta_label="See your requests" if many else "See your request",
        path="/account/loyalty#holds",
        reason=f"You asked for {what if not many else 'the first of them'} on {since}, and it hasn’t been confirmed.",
    )


SIGNAL = Signal(
    name="stalled_redemption",
    label="Requests that wait for the shop",
    causes=f"""
        SELECT r.member_id, array_agg(r.id ORDER BY r.id) AS causes,
               jsonb_build_object('points', sum(r.points), 'requests', count(*), 'requested_at', min(r.requested_at),
                   'title', (array_agg(left(r.description, 80) ORDER BY r.requested_at, r.id))[1],
                   'redemption_id', (array_agg(r.id ORDER BY r.requested_at, r.id))[1]) AS facts
        FROM loyalty_redemptions r
        WHERE r.member_id = ANY({{members}}) AND {_DUE}
        GROUP BY r.member_id
    """,
    members=f"SELECT r.member_id FROM loyalty_redemptions r WHERE {_DUE}",
    words=_words,
    example={
        "points": 450,
        "requests": 1,
        "requested_at": "2026-11-12T10:00:00+00:00",
        "title": "Stoneware mug",
        "redemption_id": "019a7777-0000-7000-8000-000000000001",
    },
    bounds=_bounds,
)
