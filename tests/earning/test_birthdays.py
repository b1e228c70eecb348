"""Birthdays: paid on the member's own day, once in a year, whatever runs were missed (CONTRACT-EARNING 8.3)."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.preferences import put_birthday
from portal.earning.models import EarningEntitlement, EarningGrant
from portal.earning.occasions import birthdays
from portal.earning.occasions.birthdays import pay_birthdays
from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.ledger import EarningRules, Shortfall, reverse_entry
from portal.ledger.models import LedgerEntry, PointLot
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.steps import Shard
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import make_user
from tests.factories.loyalty import earn, make_member, make_tier
from tests.jobs.test_progression import progress

DAY = timedelta(days=1)
UTC_RULES = EarningRules(ZoneInfo("UTC"), 12)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TREAT = {"name": "A treat", "kind": "birthday", "points": 100}


def put_treat(session: Session, slug: str = "treat", **fields: Any) -> None:
    put_rule(session, slug, RuleTerms.model_validate(TREAT | fields), Act("test", clock.now()))


def make_celebrant(session: Session, birthday: str | None = "12-10", **fields: Any) -> Member:
    fields = {"birthday_set_at": LONG_AGO if birthday else None, **fields}
    return make_member(session, make_user(session, birthday=birthday, **fields))


def sweep(session: Session, at: str | datetime, rules: EarningRules = UTC_RULES, **fields: Any) -> int:
    """The points that a sweep at this moment pays, in however many pieces."""
    moment, points = datetime.fromisoformat(at) if isinstance(at, str) else at, 0
    while (piece := pay_birthdays(session, moment, rules=rules, **fields)) is not None:
        points += piece["points"]
    session.expire_all()
    return points


@pytest.fixture
def treat(session: Session) -> Iterator[None]:
    """100 points on everybody's birthday; in the end, everything is recomputed from the ledger."""
    put_treat(session)
    yield
    session.expire_all()
    assert find_differences(session) == []


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("timezone", "birthday", "begins"),
    [
        (None, "12-10", "2026-12-10T00:00:00+00:00"),
        ("UTC", "12-10", "2026-12-10T00:00:00+00:00"),
        ("Pacific/Kiritimati", "12-10", "2026-12-09T10:00:00+00:00"),
        ("Pacific/Kiritimati", "01-01", "2026-12-31T10:00:00+00:00"),
        ("Pacific/Pago_Pago", "12-10", "2026-12-10T11:00:00+00:00"),
        ("Asia/Kolkata", "12-10", "2026-12-09T18:30:00+00:00"),
        ("Europe/Berlin", "03-29", "2026-03-28T23:00:00+00:00"),  # a day of 23 hours
        ("Europe/Berlin", "10-25", "2026-10-24T22:00:00+00:00"),  # of 25 hours
        ("Asia/Beirut", "03-29", "2026-03-28T22:00:00+00:00"),  # it has no midnight: clocks go on to one o'clock
        ("America/Havana", "11-01", "2026-11-01T04:00:00+00:00"),  # its first hour comes twice
    ],
)
def test_it_is_paid_once_the_day_has_begun_where_the_member_lives(
    session: Session, timezone: str | None, birthday: str, begins: str
) -> None:
    make_celebrant(session, birthday, timezone=timezone)
    moment = datetime.fromisoformat(begins)
    assert sweep(session, moment - timedelta(seconds=1)) == 0
    assert sweep(session, moment) == 100
    for hours in (0, 1, 12, 23, 24, 25, 48, 24 * 7, 24 * 8):
        assert sweep(session, moment + timedelta(hours=hours)) == 0
    entry = session.scalars(select(LedgerEntry)).one()
    assert (entry.entry_type, entry.amount, entry.occurred_at, entry.qualifies_at) == ("birthday", 100, moment, moment)
    assert entry.entry_metadata == {"rule": "treat", "rule_version": 1}


@pytest.mark.usefixtures("treat")
def test_without_a_zone_of_their_own_that_of_the_programme_counts(session: Session) -> None:
    make_celebrant(session)
    tokyo = EarningRules(ZoneInfo("Asia/Tokyo"), 12)
    assert sweep(session, "2026-12-09T14:59:59+00:00", tokyo) == 0
    assert sweep(session, "2026-12-09T15:00:00+00:00", tokyo) == 100


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("birthday", "paid"),
    [
        ("02-29", ["2027-02-28", "2028-02-28", "2029-02-28"]),  # 2028 has a 29th
        ("02-28", ["2027-02-28", "2028-02-28", "2029-02-28"]),
        ("03-01", ["2027-03-01", "2028-03-01", "2029-03-01"]),
        ("12-31", ["2027-12-31", "2028-12-31"]),
        ("01-01", ["2027-01-01", "2028-01-01", "2029-01-01"]),
    ],
)
def test_every_year_has_its_day(session: Session, birthday: str, paid: list[str]) -> None:
    make_celebrant(session, birthday, birthday_set_at=datetime(2026, 12, 2, tzinfo=UTC))
    day, found = date(2027, 1, 1), []
    for _ in range(365 + 366 + 80):
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        near = f"{day:%m-%d}" in ("02-27", "02-28", "02-29", "03-01", "03-02", "12-30", "12-31", "01-01", "01-02")
        if near and sweep(session, moment):
            found.append(day.isoformat())
        day += DAY
    assert found == paid
    periods = session.scalars(select(EarningEntitlement.period).order_by(EarningEntitlement.period)).all()
    assert periods == paid


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("timezone", "entered", "points"),
    [
        ("UTC", "2026-11-10T23:59:59+00:00", 100),
        ("UTC", "2026-11-11T00:00:00+00:00", 0),
        ("Pacific/Kiritimati", "2026-11-10T09:59:59+00:00", 100),
        ("Pacific/Kiritimati", "2026-11-10T10:00:00+00:00", 0),
        ("America/Los_Angeles", "2026-11-11T07:59:59+00:00", 100),
        ("America/Los_Angeles", "2026-11-11T08:00:00+00:00", 0),
    ],
)
def test_it_was_entered_thirty_days_before(session: Session, timezone: str, entered: str, points: int) -> None:
    make_celebrant(session, timezone=timezone, birthday_set_at=datetime.fromisoformat(entered))
    assert sweep(session, "2026-12-10T23:00:00+00:00") == points
    assert sweep(session, "2026-12-17T03:00:00+00:00") == 0
    assert sweep(session, "2027-12-10T23:00:00+00:00") == 100


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("changed_to", "then"),
    [
        ("12-09", [0, 100]),  # 364 days later is too early
        ("12-10", [100, 100]),
        ("12-11", [100, 100]),
        ("06-01", [0, 100]),
    ],
)
def test_another_birthday_brings_nothing_before_a_year_is_over(
    session: Session, changed_to: str, then: list[int]
) -> None:
    member = make_celebrant(session)
    assert sweep(session, "2026-12-10T12:00:00+00:00") == 100
    with clock.at(datetime(2026, 12, 11, tzinfo=UTC)):
        put_birthday(session, member.user_id, None)
        put_birthday(session, member.user_id, changed_to)
    paid = [sweep(session, f"{year}-{changed_to}T12:00:00+00:00") for year in (2027, 2028)]
    assert paid == then


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("late", "points"),
    [(timedelta(days=3), 100), (timedelta(days=7, hours=23), 100), (timedelta(days=8), 0)],
)
def test_missed_runs_are_made_good_for_a_week(session: Session, late: timedelta, points: int) -> None:
    member = make_celebrant(session)
    begun = datetime(2026, 12, 10, tzinfo=UTC)
    assert sweep(session, begun + late) == points
    assert sweep(session, begun + late) == 0
    if points:
        entry = session.scalars(select(LedgerEntry)).one()
        assert (entry.occurred_at, entry.qualifies_at) == (begun + late, begun)
        assert session.scalars(select(EarningGrant.at)).one() == begun
        assert session.get_one(Member, member.id).balance == 100


@pytest.mark.parametrize(
    ("fields", "at", "points"),
    [
        ({"active": False}, "2026-12-10T12:00:00+00:00", 0),
        ({"from": "2026-12-11T00:00:00+00:00"}, "2026-12-12T12:00:00+00:00", 0),
        ({"from": "2026-12-10T00:00:00+00:00"}, "2026-12-12T12:00:00+00:00", 100),
        ({"from": "2026-12-10T18:00:00+00:00"}, "2026-12-10T12:00:00+00:00", 0),
        ({"from": "2026-12-10T18:00:00+00:00"}, "2026-12-10T18:00:00+00:00", 100),
        ({"until": "2026-12-10T00:00:00+00:00"}, "2026-12-10T12:00:00+00:00", 0),
        ({"until": "2026-12-10T06:00:00+00:00"}, "2026-12-10T12:00:00+00:00", 100),
        ({"weekdays": [4]}, "2026-12-10T12:00:00+00:00", 100),  # a Thursday
        ({"weekdays": [5]}, "2026-12-11T12:00:00+00:00", 0),
        ({"tiers": ["base"]}, "2026-12-10T12:00:00+00:00", 100),
        ({"tiers": ["gold"]}, "2026-12-10T12:00:00+00:00", 0),
        ({"notTiers": ["base"]}, "2026-12-10T12:00:00+00:00", 0),
        ({"limits": {"perOrder": 60}}, "2026-12-10T12:00:00+00:00", 60),
        ({"limits": {"programme": 30}}, "2026-12-10T12:00:00+00:00", 30),
        ({"kind": "sign_up"}, "2026-12-10T12:00:00+00:00", 0),
    ],
)
def test_rules_hold_for_days_tiers_and_within_limits(
    session: Session, fields: dict[str, Any], at: str, points: int
) -> None:
    make_tier(session, "base", 0)
    put_treat(session, **fields)
    make_celebrant(session)
    assert sweep(session, at) == points


def test_a_rule_of_the_eastern_morning_holds_for_the_whole_day_there(session: Session) -> None:
    """A rule begins at the programme's midnight, when the day of those further east has long begun."""
    put_treat(session, **{"from": "2026-12-10T00:00:00+00:00"})
    make_celebrant(session, timezone="Pacific/Kiritimati")
    make_celebrant(session, "12-09", timezone="Pacific/Pago_Pago")
    assert sweep(session, "2026-12-09T20:00:00+00:00") == 0
    assert sweep(session, "2026-12-10T00:00:00+00:00") == 100


def test_each_rule_is_judged_by_the_tier_on_the_day(session: Session) -> None:
    """What the smaller treat lifts a member to is not the tier of the bigger one; nor is a tier reached later."""
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", 100)
    put_treat(session, "small", points=100, tiers=["bronze"])
    put_treat(session, "big", points=200, notTiers=["bronze"])
    rising, silver, later = (make_celebrant(session) for _ in range(3))
    earn(session, silver, 100)
    put_treat(session, "small", points=100, tiers=["bronze"], qualifies={"tier": True})
    assert sweep(session, "2026-12-10T00:00:00+00:00") == 400
    earn(session, later, 100)
    assert sweep(session, "2026-12-11T00:00:00+00:00") == 0
    balances = [session.get_one(Member, member.id).balance for member in (rising, silver, later)]
    assert balances == [100, 300, 200]
    assert sweep(session, "2027-12-10T00:00:00+00:00") == 600


def test_a_rule_that_is_new_pays_those_of_the_last_week_too(session: Session) -> None:
    put_treat(session)
    make_celebrant(session)
    assert sweep(session, "2026-12-10T00:00:00+00:00") == 100
    put_treat(session, "cake", points=7)
    assert sweep(session, "2026-12-12T00:00:00+00:00") == 7


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(
    ("fields", "good"),
    [
        ({"role": "operator"}, {"role": "member"}),
        ({"disabled_at": LONG_AGO}, {"disabled_at": None}),
        ({"email_verified_at": None}, {"email_verified_at": LONG_AGO}),
    ],
)
def test_staff_and_accounts_that_are_closed_or_unconfirmed_get_nothing(
    session: Session, fields: dict[str, Any], good: dict[str, Any]
) -> None:
    member = make_celebrant(session, **fields)
    assert sweep(session, "2026-12-10T12:00:00+00:00") == 0
    user = session.get_one(User, member.user_id)
    for name, value in good.items():
        setattr(user, name, value)
    session.flush()
    assert sweep(session, "2026-12-17T12:00:00+00:00") == 100


@pytest.mark.usefixtures("treat")
@pytest.mark.parametrize(("day", "points"), [(17, 100), (18, 0)])
def test_a_suspended_member_waits_for_a_week(session: Session, day: int, points: int) -> None:
    member = make_celebrant(session)
    member.status = "suspended"
    session.flush()
    assert sweep(session, "2026-12-10T12:00:00+00:00") == 0
    session.get_one(Member, member.id).status = "active"
    session.flush()
    assert sweep(session, f"2026-12-{day}T12:00:00+00:00") == points


@pytest.mark.usefixtures("treat")
def test_users_who_are_no_members_are_left_alone(session: Session) -> None:
    user = make_user(session, birthday="12-10", birthday_set_at=LONG_AGO)
    make_celebrant(session, None)
    assert sweep(session, "2026-12-10T12:00:00+00:00") == 0
    assert session.scalar(select(Member.id).where(Member.user_id == user.id)) is None
    make_member(session, user)
    assert sweep(session, "2026-12-11T12:00:00+00:00") == 100


def test_its_points_may_be_pending_expire_and_not_count(session: Session) -> None:
    put_treat(session, pendingDays=3, points=40)
    put_treat(session, "short", points=5, expiryMonths=1, qualifies={"tier": False, "streak": False})
    member = make_celebrant(session)
    assert sweep(session, "2026-12-10T12:00:00+00:00") == 45
    session.refresh(member)
    assert (member.balance, member.pending, member.lifetime_earned) == (5, 40, 0)
    lot = session.scalars(select(PointLot)).one()
    assert f"{lot.expires_at:%Y-%m-%d}" == "2027-01-10"
    assert find_differences(session) == []


@pytest.mark.usefixtures("treat")
def test_pieces_are_bounded_and_sharded(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(birthdays, "PAGE", 3)
    members = [make_celebrant(session, "12-10" if number % 2 else "12-08") for number in range(20)]
    for _ in range(10):
        make_celebrant(session, timezone="Pacific/Pago_Pago")  # not begun there: in the way, and left
    moment = datetime(2026, 12, 10, 1, tzinfo=UTC)
    mine = [member.id for member in members if member.id.bytes[15] % 8 == 3]
    first = pay_birthdays(session, moment, rules=UTC_RULES, limit=4, shard=Shard(3, 8))
    assert (first or {"members": 0})["members"] == min(len(mine), 4)
    sizes = []
    while (piece := pay_birthdays(session, moment, rules=UTC_RULES, limit=4)) is not None:
        sizes.append(piece["members"])
    assert max(sizes) <= 4
    assert sum(sizes) + min(len(mine), 4) == 20


_CROWD = text("""
    WITH made AS (
        INSERT INTO users (id, email, email_normalized, email_verified_at, name, role, birthday, birthday_set_at,
            created_at, updated_at)
        SELECT 'crowd-' || n, 'crowd-' || n || '@example.com', 'crowd-' || n || '@example.com', now(), 'Crowd',
               'member', to_char(date '2000-01-01' + n % 366, 'MM-DD'), now(), now(), now()
        FROM generate_series(1, 10000) n RETURNING id)
    INSERT INTO loyalty_members (id, user_id, referral_code, joined_at)
    SELECT new_ulid(now()), id, upper(id), now() FROM made
""")


@pytest.mark.usefixtures("treat")
def test_only_the_birthdays_of_these_days_are_read(session: Session) -> None:
    for number in range(300):
        make_celebrant(session, f"{number % 12 + 1:02}-{number % 28 + 1:02}")
    session.execute(_CROWD)  # so many that no other way to find a day's birthdays is cheaper
    session.execute(text("ANALYZE users, loyalty_members"))
    session.execute(text("SET LOCAL enable_seqscan = off"))
    rule = birthdays._rules_by_day(datetime(2026, 12, 10, tzinfo=UTC), ZoneInfo("UTC"))
    values = {
        "birthdays": [f"{day:%m-%d}" for day in rule],
        "slugs": ["treat"] * len(rule),
        "since": ["2025-12-10"] * len(rule),
        "days": ["2026-12-10"] * len(rule),
        "zone": "UTC",
        "member_ids": None,
        "number": 0,
        "of": 1,
        "page": 500,
        "birthday": "",
        "user_id": "",
    }
    plan = "\n".join(session.scalars(text(f"EXPLAIN {birthdays._FIND.text}"), values))
    assert "ix_users_birthday" in plan
    assert "Seq Scan on users" not in plan


def test_without_a_rule_nobody_is_looked_for(session: Session) -> None:
    make_celebrant(session)
    assert pay_birthdays(session, datetime(2026, 12, 10, 12, tzinfo=UTC), rules=UTC_RULES) is None


def test_the_progression_pays_it_once_in_many_places_at_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        put_treat(session, limits={"programme": 3000})
        put_treat(session, "cake", points=5)
        for _ in range(40):
            make_celebrant(session)
    moment = datetime(2026, 12, 10, 12, tzinfo=UTC)
    found = at_once(committed_app, 6, lambda _: progress(moment).get("birthdays", {"members": 0, "points": 0}))
    assert sum(figures["members"] for figures in found) == 40
    assert sum(figures["points"] for figures in found) == 3200
    with committed_app.app_context(), unit_of_work() as session:
        paid = select(func.count(), func.sum(LedgerEntry.amount)).where(LedgerEntry.entry_type == "birthday")
        assert session.execute(paid).one() == (70, 3200)
        assert session.scalar(select(func.count()).select_from(EarningEntitlement)) == 80
        assert find_differences(session) == []
        assert progress(moment + DAY).get("birthdays") is None


def test_whoever_is_suspended_under_way_is_not_paid(committed_app: Portal) -> None:
    """The sweep has found the member and waits for the lock; under it, it looks again."""
    with committed_app.app_context(), unit_of_work() as session:
        put_treat(session)
        make_celebrant(session)
    locked, moment = threading.Event(), datetime(2026, 12, 10, 12, tzinfo=UTC)

    def act(which: int) -> Any:
        with unit_of_work() as session:
            if which:
                locked.wait(10)
                return pay_birthdays(session, moment, rules=UTC_RULES)
            session.execute(text("SELECT id FROM loyalty_members FOR UPDATE"))
            locked.set()
            until = time.monotonic() + 20
            while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert time.monotonic() < until, "nobody waits"
                time.sleep(0.05)
            return session.execute(text("UPDATE loyalty_members SET status = 'suspended'")) and None

    assert at_once(committed_app, 2, act) == [None, {"members": 0, "points": 0}]
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalars(select(Member.balance)).all() == [0]
        assert session.scalars(select(EarningEntitlement.slug)).all() == []


@pytest.mark.usefixtures("treat")
def test_one_that_was_taken_back_may_be_had_again_but_not_for_that_day(app: Portal, session: Session) -> None:
    member = make_celebrant(session)
    assert sweep(session, "2030-12-10T12:00+00:00") == 100
    entry = session.scalars(select(LedgerEntry.id)).one()
    act, owe = Act("t", datetime(2030, 12, 11, tzinfo=UTC), "Wrong person"), Shortfall.OWE
    reverse_entry(session, entry, 40, act, shortfall=owe, rules=UTC_RULES)
    assert session.scalar(select(func.count()).select_from(EarningEntitlement)) == 1
    reverse_entry(session, entry, None, act, shortfall=owe, rules=UTC_RULES)
    assert session.scalar(select(func.count()).select_from(EarningEntitlement)) == 0
    assert sweep(session, "2030-12-11T12:00+00:00") == 0
    assert (member.balance, member.lifetime_earned) == (0, 0)
    session.get_one(User, member.user_id).birthday = "12-20"
    session.flush()
    assert sweep(session, "2030-12-20T12:00+00:00") == 100
