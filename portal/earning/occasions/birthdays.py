"""Birthdays: paid on the day where the member lives, by a sweep that looks at the birthdays of the last week only.

Each rule is judged once for a birthday, when the day has begun there. An entitlement notes that, whether it pays or
not: a later tier or limit changes nothing, and no sweep judges it again (CONTRACT-EARNING 8.3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts import BIRTHDAY_NOTICE
from portal.earning.evaluation import Lost, Rule
from portal.earning.grants import Cause, take_entitlement
from portal.earning.occasions.granting import BIRTHDAY, Credit, Occasion, book, grant, judge, read_standing
from portal.earning.reads import get_active_rules
from portal.earning.rules import RuleKind, RuleTerms
from portal.ledger import EarningRules, EntryType
from portal.members import lock_members
from portal.platform import ids
from portal.platform.clock import ONE_DAY, start_of_day
from portal.platform.steps import EVERYBODY, Figures, Shard

LATE = 7 * ONE_DAY
ONCE_IN = 365 * ONE_DAY
LEAP_DAY, ITS_DAY = "02-29", "02-28"
PAGE = 500

# Members in good standing with one of these birthdays, for whom a rule of that day was not judged since. What was paid
# for the very day and taken back by hand is not paid for it again. A page follows
# the index of birthdays; `member_ids` looks at some of them again.
_UNPAID = """
    NOT EXISTS (SELECT FROM loyalty_earning_entitlements e
                WHERE e.member_id = m.id AND e.slug = w.slug AND e.period > w.since)
    AND NOT EXISTS (SELECT FROM loyalty_earning_grants g
                    WHERE g.member_id = m.id AND g.source = 'birthday'
                      AND g.external_id = ulid_text(m.id) || ':' || w.day AND g.slug = w.slug)
"""
_FIND = text(f"""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:birthdays AS text[]), CAST(:slugs AS text[]), CAST(:since AS text[]),
                             CAST(:days AS text[])) AS w(birthday, slug, since, day)
    )
    SELECT m.id AS member_id, u.id AS user_id, u.birthday, u.birthday_set_at, coalesce(u.timezone, :zone) AS timezone,
           ARRAY(SELECT w.slug FROM wanted w WHERE w.birthday = u.birthday AND {_UNPAID} ORDER BY 1) AS slugs
    FROM users u JOIN loyalty_members m ON m.user_id = u.id
    WHERE u.birthday = ANY(:birthdays) AND (u.birthday, u.id) > (:birthday, :user_id)
      AND u.role = 'member' AND u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL AND m.status = 'active'
      AND get_byte(uuid_send(m.id), 15) % :of = :number
      AND (CAST(:member_ids AS uuid[]) IS NULL OR m.id = ANY(:member_ids))
      AND EXISTS (
        SELECT FROM wanted w WHERE w.birthday = u.birthday AND {_UNPAID})
    ORDER BY u.birthday, u.id LIMIT :page
""")


class _Found(NamedTuple):
    """A member with a birthday in the last days, since when it stands, and the rules that are to be judged for it."""

    member_id: UUID
    user_id: str
    birthday: str
    birthday_set_at: datetime
    timezone: str
    slugs: Sequence[str]


def pay_birthdays(
    session: Session, now: datetime, *, rules: EarningRules, limit: int = 200, shard: Shard = EVERYBODY
) -> Figures | None:
    """Judge up to `limit` members of the shard whose birthday has begun; returns `{members, points}` of those paid.

    Missed runs are made good for a week. None means that nobody is left. It is idempotent: running it again,
    concurrently or late pays nobody twice.
    """
    sweep = _Sweep(session, now, _rules_by_day(now, rules.zone), rules, shard)
    due = [row.member_id for row, _ in islice(sweep.find(), limit)] if sweep.rules else []
    if not due:
        return None
    lock_members(session, due)
    granted = [credit for row, day in list(sweep.find(due)) for credit in sweep.pay(row, day)]
    book(session, granted, now)
    return {"members": len({each.member_id for each in granted}), "points": sum(map(_points, granted))}


def _rules_by_day(now: datetime, zone: ZoneInfo) -> dict[date, list[Rule]]:
    """The active rules of each of the last days that may have begun somewhere on Earth, if it has any.

    A rule holds for the days that its time touches in the programme's zone, once it has begun.
    """
    active = [
        rule for rule in get_active_rules(RuleKind.BIRTHDAY) if rule.terms.from_ is None or rule.terms.from_ <= now
    ]
    last = (now + ONE_DAY).date()
    days = [last - number * ONE_DAY for number in range(LATE.days + 3)] if active else []
    found = {day: [rule for rule in active if _holds_on(rule.terms, day, zone)] for day in days}
    return {day: rules for day, rules in found.items() if rules}


def _holds_on(terms: RuleTerms, day: date, zone: ZoneInfo) -> bool:
    begun = terms.from_ is None or terms.from_.astimezone(zone).date() <= day
    over = terms.until is not None and terms.until <= start_of_day(day, zone)
    return begun and not over and (not terms.weekdays or day.isoweekday() in terms.weekdays)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """What a sweep looks for: at this moment, by the rules of each day, in this part of the members."""

    session: Session
    now: datetime
    rules: Mapping[date, Sequence[Rule]]
    earning: EarningRules
    shard: Shard

    def find(self, member_ids: Sequence[UUID] | None = None) -> Iterator[tuple[_Found, date]]:
        """Those whose birthday has begun where they live, each with its day, page by page."""
        days = {birthday: day for day in self.rules for birthday in _birthdays_of(day)}
        wanted = [(birthday, rule.slug, day) for birthday, day in days.items() for rule in self.rules[day]]
        values = {
            "birthdays": [birthday for birthday, _, _ in wanted],
            "slugs": [slug for _, slug, _ in wanted],
            "since": [(day - ONCE_IN).isoformat() for _, _, day in wanted],
            "days": [day.isoformat() for _, _, day in wanted],
            "zone": self.earning.zone.key,
            "member_ids": None if member_ids is None else list(member_ids),
            "number": self.shard.number,
            "of": self.shard.of,
            "page": PAGE,
        }
        last = ("", "")
        while rows := self._page(values, *last):
            yield from ((row, days[row.birthday]) for row in rows if self._is_due(row, days[row.birthday]))
            last = rows[-1].birthday, rows[-1].user_id

    def _page(self, values: Mapping[str, object], birthday: str, user_id: str) -> list[_Found]:
        found = self.session.execute(_FIND, {**values, "birthday": birthday, "user_id": user_id})
        return [_Found(*row) for row in found]

    def _is_due(self, row: _Found, day: date) -> bool:
        """Whether the day has begun there, a week ago at most, and was known long enough before."""
        zone = ZoneInfo(row.timezone)
        known_since = row.birthday_set_at.astimezone(zone).date()
        return day <= self.now.astimezone(zone).date() <= day + LATE and known_since <= day - BIRTHDAY_NOTICE

    def pay(self, row: _Found, day: date) -> list[Credit]:
        """Judge this birthday by the rules that are left, and keep what they grant; returns the credits.

        The caller holds the member's row lock.
        """
        at = start_of_day(day, ZoneInfo(row.timezone))
        cause = Cause(row.member_id, BIRTHDAY, f"{ids.encode(row.member_id)}:{day}", at)
        rules = [rule for rule in self.rules[day] if rule.slug in row.slugs]
        for rule in rules:
            take_entitlement(self.session, cause, rule.slug, day.isoformat(), self.now)
        tier = read_standing(self.session, row.member_id).tier
        lost = {rule.slug: None if rule.terms.is_for_tier(tier) else Lost.TIER for rule in rules}
        outcomes = judge(self.session, cause, rules, lost, self.earning)
        return grant(self.session, Occasion(cause, EntryType.BIRTHDAY), outcomes, self.now, self.earning)


def _birthdays_of(day: date) -> list[str]:
    """The birthdays that are paid on this day; those of 29 February on the 28th, in every year."""
    birthday = f"{day:%m-%d}"
    return {ITS_DAY: [ITS_DAY, LEAP_DAY], LEAP_DAY: []}.get(birthday, [birthday])


def _points(credit: Credit) -> int:
    return credit.amount if isinstance(credit, ledger.Posting) else credit.points
