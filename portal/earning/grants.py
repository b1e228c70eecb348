"""What rules have granted: the room that their limits leave, once-only grants, and the figures of each cause."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning.evaluation import Room, Rule
from portal.earning.models import EarningTotal
from portal.platform.clock import FIRST_MOMENT, LAST_MOMENT, add_months, start_of_day, week_of
from portal.platform.documents import Document, to_json

_USED = text("""
    SELECT w.slug, coalesce(sum(g.granted - g.reversed), 0)::bigint AS points,
           count(*) FILTER (WHERE g.granted > g.reversed) AS times
    FROM json_to_recordset(CAST(:windows AS json)) AS w(slug text, since timestamptz, until timestamptz)
    LEFT JOIN loyalty_earning_grants g ON g.member_id = :member_id AND g.slug = w.slug
      AND g.at >= w.since AND g.at < w.until AND NOT (g.source = :source AND g.external_id = :external_id)
    GROUP BY w.slug
""")
_OWN = """
    coalesce((SELECT sum(granted - reversed) FROM loyalty_earning_grants
              WHERE source = :source AND external_id = :external_id AND slug = w.slug), 0)::bigint
"""
_TOTALS = text(f"""
    SELECT w.slug, coalesce(t.points, (SELECT sum(granted - reversed) FROM loyalty_earning_grants
                                       WHERE slug = w.slug), 0)::bigint - {_OWN} AS points
    FROM unnest(CAST(:slugs AS text[])) AS w(slug) LEFT JOIN loyalty_earning_totals t ON t.slug = w.slug
""")
_LOCKED_TOTALS = text(f"""
    SELECT w.slug, w.points - {_OWN} AS points FROM loyalty_earning_totals w
    WHERE w.slug = ANY(:slugs) ORDER BY w.slug FOR UPDATE OF w
""")
_LOCK_ALL = text("SELECT slug FROM loyalty_earning_totals ORDER BY slug FOR UPDATE")
_KEEP_WRITERS_OUT = text("LOCK TABLE loyalty_earning_grants IN SHARE ROW EXCLUSIVE MODE")
_BEGIN_TOTAL = text("""
    INSERT INTO loyalty_earning_totals (slug, points)
    SELECT CAST(:slug AS text), coalesce(sum(granted - reversed), 0) FROM loyalty_earning_grants WHERE slug = :slug
""")
_WRITE = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r(
            slug text, version int, points bigint, facts jsonb)
    ), changed AS (
        UPDATE loyalty_earning_grants k
        SET granted = k.granted + greatest(g.points, 0), reversed = k.reversed + greatest(-g.points, 0),
            at = :at, facts = g.facts, changed_at = :now
        FROM given g
        WHERE k.member_id = :member_id AND k.source = :source AND k.external_id = :external_id
          AND k.episode = :episode AND k.slug = g.slug
        RETURNING k.slug
    ), added AS (
        INSERT INTO loyalty_earning_grants (member_id, source, external_id, episode, slug, version, at, granted,
            reversed, facts, changed_at)
        SELECT :member_id, :source, :external_id, :episode, slug, version, :at, points, 0, facts, :now
        FROM given WHERE slug NOT IN (SELECT slug FROM changed)
    )
    UPDATE loyalty_earning_totals t SET points = t.points + g.points FROM given g WHERE g.slug = t.slug
""")
_TAKE = text("""
    INSERT INTO loyalty_earning_entitlements (member_id, slug, period, source, external_id, used_at)
    VALUES (:member_id, :slug, :period, :source, :external_id, :now)
    ON CONFLICT (member_id, slug, period) DO UPDATE SET used_at = loyalty_earning_entitlements.used_at
        WHERE loyalty_earning_entitlements.source = excluded.source
          AND loyalty_earning_entitlements.external_id = excluded.external_id
    RETURNING slug
""")
_FREE = text("""
    DELETE FROM loyalty_earning_entitlements
    WHERE member_id = :member_id AND slug = ANY(:slugs) AND source = :source AND external_id = :external_id
""")
_GRANTS = text("""
    SELECT slug, version, at, granted, reversed, facts FROM loyalty_earning_grants
    WHERE member_id = :member_id AND source = :source AND external_id = :external_id AND episode = :episode
    ORDER BY slug
""")


@dataclass(frozen=True, slots=True)
class Cause:
    """What points are granted for: an order, an event …, of a member. `at` is the date that limits go by."""

    member_id: UUID
    source: str
    external_id: str
    at: datetime
    episode: int = 0


class Granted(NamedTuple):
    """What a rule has granted for a cause so far: all of it ever, and what of that was taken back; by which date."""

    slug: str
    version: int
    at: datetime
    granted: int
    reversed: int
    facts: Document

    @property
    def net(self) -> int:
        """What the member has of it."""
        return self.granted - self.reversed


def get_grants(session: Session, cause: Cause) -> dict[str, Granted]:
    """What was granted for this cause, by rule. The caller holds the member's row lock."""
    rows = session.execute(_GRANTS, _of(cause, episode=cause.episode))
    return {row.slug: Granted(*row) for row in rows}


def write_grants(session: Session, cause: Cause, changes: Iterable[tuple[Rule, int, Document]], now: datetime) -> None:
    """Add these points (negative: taken back) to what rules have granted for the cause, with facts that explain it.

    From now on all of what these rules have granted for it counts by the date of the cause.
    """
    rows = [
        {"slug": rule.slug, "version": rule.version, "points": points, "facts": facts}
        for rule, points, facts in changes
    ]
    values = _of(cause, episode=cause.episode, at=cause.at, now=now)
    session.execute(_WRITE, {**values, "rows": to_json(rows).decode()})


def take_entitlement(session: Session, cause: Cause, slug: str, period: str, now: datetime) -> bool:
    """Note that the cause has the member's grant of this rule and period; False if another cause has it."""
    return session.scalar(_TAKE, _of(cause, slug=slug, period=period, now=now)) is not None


def free_entitlements(session: Session, cause: Cause, slugs: Sequence[str]) -> None:
    """Let other causes have the grants of these rules: this one has none of them any more."""
    session.execute(_FREE, _of(cause, slugs=list(slugs)))


def begin_total(session: Session, slug: str) -> None:
    """Begin to keep the total of a rule, for a limit of the whole programme; those who grant points wait meanwhile.

    One that was begun stays as it is. Rules begin it when they are written: whoever grants holds other locks already.
    """
    if session.get(EarningTotal, slug) is None:
        session.execute(_KEEP_WRITERS_OUT)
        session.execute(_BEGIN_TOTAL, {"slug": slug})


def lock_totals(session: Session) -> None:
    """Lock the totals of all rules, as whoever grants or takes back for several causes does before the first.

    They are locked by name, after members: in another order, two would wait for each other.
    """
    session.execute(_LOCK_ALL)


def read_room(
    session: Session, cause: Cause, rules: Sequence[Rule], zone: ZoneInfo, *, writes: bool
) -> dict[str, Room]:
    """What the limits of these rules leave for the cause, beside what all others have used in the same windows.

    Rules without limits have none. With `writes` the totals of all these rules, to which their grants are added, are
    locked until the end of the transaction; the caller holds the member's row lock.
    """
    by_member = {rule.slug: limit for rule in rules if (limit := rule.terms.limits.per_member) is not None}
    by_programme = {rule.slug: most for rule in rules if (most := rule.terms.limits.programme) is not None}
    used = _used(session, cause, {slug: limit.window for slug, limit in by_member.items()}, zone)
    spent = _totals(session, cause, [rule.slug for rule in rules] if writes else list(by_programme), writes=writes)
    assert spent.keys() >= by_programme.keys(), "a total begins with the first version that has such a limit"
    rooms = {}
    for slug in {*by_member, *by_programme}:
        limit, points, times = by_member.get(slug), *used.get(slug, (0, 0))
        rooms[slug] = Room(
            None if limit is None or limit.points is None else max(limit.points - points, 0),
            None if limit is None or limit.times is None else max(limit.times - times, 0),
            max(by_programme[slug] - spent[slug], 0) if slug in by_programme else None,
        )
    return rooms


def _used(session: Session, cause: Cause, windows: Mapping[str, str], zone: ZoneInfo) -> dict[str, tuple[int, int]]:
    if not windows:
        return {}
    edges = {slug: find_window(window, cause.at, zone) for slug, window in windows.items()}
    rows = [{"slug": slug, "since": since, "until": until} for slug, (since, until) in edges.items()]
    found = session.execute(_USED, _of(cause, windows=to_json(rows).decode()))
    return {row.slug: (row.points, row.times) for row in found}


def _totals(session: Session, cause: Cause, slugs: list[str], *, writes: bool) -> dict[str, int]:
    if not slugs:
        return {}
    values = _of(cause, slugs=slugs)
    found = session.execute(_LOCKED_TOTALS if writes else _TOTALS, values)
    return {row.slug: row.points for row in found}


def find_window(window: str, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment of the calendar window around `at`, and the first after it."""
    day = at.astimezone(zone).date()
    if window == "ever":
        return FIRST_MOMENT, LAST_MOMENT
    if window == "week":
        first = week_of(at, zone)
        after = first + timedelta(days=7)
    elif window == "day":
        first, after = day, day + timedelta(days=1)
    elif window == "month":
        first = day.replace(day=1)
        after = add_months(first, 1)
    else:
        first, after = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return start_of_day(first, zone), start_of_day(after, zone)


def _of(cause: Cause, **more: object) -> dict[str, object]:
    return {"member_id": cause.member_id, "source": cause.source, "external_id": cause.external_id, **more}
