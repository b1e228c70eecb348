"""Points that expire soon and are not on hold."""

from datetime import datetime

from portal.nudges.rules import NudgeRules
from portal.nudges.signals.base import Facts, Reader, Signal, Words

_DUE = "l.remaining > l.held AND l.expires_at > :now AND l.expires_at <= :expiring_until"


def _bounds(rules: NudgeRules, now: datetime) -> dict[str, datetime]:
    return {"expiring_until": now + rules.expiring_window}


def _words(facts: Facts, reader: Reader) -> Words:
    points, first, last = facts["points"], reader.until(facts["first_expires_at"]), reader.until(facts["expires_at"])
    amount, one = reader.points(points), points == 1
    them, they, expire = ("it", "it", "expires") if one else ("them", "they", "expire")
    begin = f"Use {them} by {last}" if first == last else f"Use the first of them by {first} and the rest by {last}"
    return Words(
        title=f"{amount} {expire} soon",
        body=f"{begin}, and {they} won’t be lost. See which rewards are within reach.",
        cta_label="See rewards",
        path="/account/loyalty#rewards",
        reason=f"You have {amount} that {expire} by {last}.",
    )


SIGNAL = Signal(
    name="expiring_points",
    label="Points that expire soon",
    causes=f"""
        SELECT l.member_id, array_agg(l.id ORDER BY l.id) AS causes,
               jsonb_build_object('points', sum(l.remaining - l.held), 'lots', count(*),
                   'first_expires_at', min(l.expires_at), 'expires_at', max(l.expires_at)) AS facts
        FROM loyalty_point_expirations l
        WHERE l.member_id = ANY({{members}}) AND l.remaining > 0 AND {_DUE}
        GROUP BY l.member_id
    """,
    members=f"SELECT l.member_id FROM loyalty_point_expirations l WHERE {_DUE}",
    words=_words,
    example={
        "points": 120,
        "lots": 2,
        "first_expires_at": "2026-11-24T22:59:59+00:00",
        "expires_at": "2026-11-30T22:59:59+00:00",
    },
    bounds=_bounds,
)
