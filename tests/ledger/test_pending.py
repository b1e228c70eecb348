"""Pending credits: put aside, taken back, moved in time, and posted once when their time has come (EARNING 8.4)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import EntryType, LedgerEntry, PendingEntry, PointLot, StreakWeek
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform.steps import Figures, Shard
from portal.tiers.models import Tier, TierChange
from tests.factories.loyalty import RULES, earn, make_member, make_tier
from tests.statements import counted

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DUE = NOW + 14 * DAY


def waiting(member: Member, points: int = 48, external_id: str = "A-1", **fields: Any) -> ledger.PendingCredit:
    """A credit that waits for two weeks; `fields` override the rest."""
    values = {"entry_type": EntryType.ORDER, "source": "event", "effect": "base:1", "activates_at": DUE}
    return ledger.PendingCredit(
        member.id,
        points,
        external_id=external_id,
        **{**values, "qualifies_at": NOW, "week": date(2026, 3, 9), **fields},
    )


def put(session: Session, *given: ledger.PendingCredit) -> list[Any]:
    return ledger.put_aside(session, given, NOW)


def sweep(session: Session, at: datetime = DUE, **options: Any) -> Figures:
    """Activate until nothing is left; what all calls did."""
    total = {"entries": 0, "points": 0, "members": 0}
    while figures := ledger.activate_due(session, at, rules=RULES, **options):
        total = {name: total[name] + figures[name] for name in total}
    session.expire_all()
    return total


def figures(session: Session, member: Member) -> tuple[int, int, int]:
    """Pending, balance, earned; the ledger is sound."""
    session.expire_all()
    assert find_differences(session) == []
    return member.pending, member.balance, member.lifetime_earned


def entries(session: Session, *members: Member) -> list[LedgerEntry]:
    of = LedgerEntry.member_id.in_([member.id for member in members])
    return list(session.scalars(select(LedgerEntry).where(of).order_by(LedgerEntry.member_id, LedgerEntry.seq)))


def bar(session: Session, member: Member, way: str, *, barred: bool = True) -> None:
    """Suspend the member or close the account; or undo it."""
    if way == "suspended":
        member.status = "suspended" if barred else "active"
    else:
        session.get_one(User, member.user_id).disabled_at = NOW if barred else None
    session.flush()


def test_what_is_put_aside_counts_for_nothing_until_it_is_due(session: Session) -> None:
    make_tier(session, "silver", 40)
    member = make_member(session)
    put(session, waiting(member))
    assert figures(session, member) == (48, 0, 0)
    assert sweep(session, DUE - timedelta(microseconds=1)) == {"entries": 0, "points": 0, "members": 0}
    assert session.scalar(select(StreakWeek.week)) is None
    assert member.tier_id is None
    assert sweep(session) == {"entries": 1, "points": 48, "members": 1}
    assert figures(session, member) == (0, 48, 48)
    assert sweep(session) == {"entries": 0, "points": 0, "members": 0}


def test_the_entry_is_what_was_put_aside(session: Session) -> None:
    member = make_member(session)
    (pending_id,) = put(session, waiting(member, metadata={"rule": "base"}))
    sweep(session, DUE + DAY)
    (entry,) = entries(session, member)
    stored = session.get_one(PendingEntry, (member.id, pending_id))
    assert (stored.points, stored.granted, stored.activated_at, stored.entry_id) == (48, 48, DUE + DAY, entry.id)
    assert (entry.entry_type, entry.amount, entry.entry_metadata) == ("order", 48, {"rule": "base"})
    assert (entry.source, entry.external_id, entry.effect) == ("event", "A-1", "base:1")
    assert (entry.occurred_at, entry.posted_at, entry.qualifies_at) == (DUE + DAY, DUE + DAY, NOW)
    assert session.scalar(select(StreakWeek.week)) == date(2026, 3, 9), "the week of the order"


@pytest.mark.parametrize(
    ("qualifies", "week", "earned", "weeks"),
    [(True, date(2026, 3, 9), 48, 1), (False, date(2026, 3, 9), 0, 1), (True, None, 48, 0), (False, None, 0, 0)],
)
def test_it_counts_for_tier_and_streak_only_as_the_rule_says(
    session: Session, qualifies: bool, week: date | None, earned: int, weeks: int
) -> None:
    member = make_member(session)
    put(session, waiting(member, qualifies_tier=qualifies, week=week))
    sweep(session)
    assert figures(session, member) == (0, 48, earned)
    assert len(session.scalars(select(StreakWeek.week)).all()) == weeks


@pytest.mark.parametrize(
    ("zone", "at", "months", "expires"),
    [
        ("UTC", "2026-01-31T10:00:00+00:00", 1, "2026-02-28T23:59:59.999999+00:00"),
        ("Europe/Berlin", "2026-02-28T23:30:00+00:00", 1, "2026-04-01T21:59:59.999999+00:00"),  # 1 March there
        (
            "Europe/Berlin",
            "2026-09-29T10:00:00+00:00",
            1,
            "2026-10-29T22:59:59.999999+00:00",
        ),  # after the clocks change
        ("America/Havana", "2026-10-01T10:00:00+00:00", 1, "2026-11-02T04:59:59.999999+00:00"),
        ("Africa/Cairo", "2026-03-23T10:00:00+00:00", 1, "2026-04-23T21:59:59.999999+00:00"),  # midnight is left out
        ("Pacific/Auckland", "2026-03-10T12:00:00+00:00", 12, "2027-03-11T10:59:59.999999+00:00"),
        ("UTC", "2026-01-31T10:00:00+00:00", 1200, "2126-01-31T23:59:59.999999+00:00"),
        ("UTC", "2026-01-31T10:00:00+00:00", 0, None),
    ],
)
def test_a_lot_lives_from_its_activation_to_the_end_of_a_day_of_the_programme(
    session: Session, zone: str, at: str, months: int, expires: str | None
) -> None:
    member, moment = make_member(session), datetime.fromisoformat(at)
    put(session, waiting(member, activates_at=moment, expiry_months=months))
    assert ledger.activate_due(session, moment, rules=ledger.EarningRules(ZoneInfo(zone), 5))
    lot = session.scalars(select(PointLot)).one()
    assert lot.opened_at == moment
    assert lot.expires_at == (datetime.fromisoformat(expires) if expires else None)


def test_lives_of_one_batch_are_told_apart(session: Session) -> None:
    member = make_member(session)
    put(session, *(waiting(member, 10 + n, effect=f"r{n}", expiry_months=n) for n in (0, 1, 3)))
    sweep(session)
    lots = session.scalars(select(PointLot).order_by(PointLot.points)).all()
    assert [lot.expires_at for lot in lots] == [
        None,
        datetime(2026, 4, 24, 23, 59, 59, 999999, UTC),
        datetime(2026, 6, 24, 23, 59, 59, 999999, UTC),
    ]


def test_a_known_one_gets_the_points_added_and_the_date_set(session: Session) -> None:
    member = make_member(session)
    first = put(session, waiting(member, 30, metadata={"n": 1}), waiting(member, 5, effect="other"))
    again = put(session, waiting(member, 12, activates_at=DUE + DAY), waiting(member, 7, effect="new"))
    assert again[0] == first[0]
    assert len({*first, *again}) == 3
    assert figures(session, member) == (54, 0, 0)
    assert sweep(session)["points"] == 12
    assert sweep(session, DUE + DAY)["points"] == 42


def test_ids_come_in_the_order_given(session: Session) -> None:
    members = sorted((make_member(session) for _ in range(3)), key=lambda member: member.id, reverse=True)
    given = [waiting(member, 1 + n, effect=effect) for n, effect in enumerate("zab") for member in members]
    found = [session.get_one(PendingEntry, (c.member_id, i)) for c, i in zip(given, put(session, *given), strict=True)]
    assert [(row.effect, row.points) for row in found] == [(credit.effect, credit.points) for credit in given]


def test_what_is_over_cannot_be_put_aside_again(session: Session) -> None:
    member = make_member(session)
    put(session, waiting(member))
    sweep(session)
    earn(session, member, 5, external_id="A-2")
    for credit in (waiting(member), waiting(member, source="order", external_id="A-2", effect="earn")):
        with pytest.raises(ValueError, match="activated or posted already"), session.begin_nested():
            put(session, credit)
    with pytest.raises(ValueError, match="named once"):
        put(session, waiting(member, external_id="A-3"), waiting(member, external_id="A-3"))
    with pytest.raises(ValueError, match="has points"):
        put(session, waiting(member, 0, external_id="A-3"))
    with pytest.raises(IntegrityError), session.begin_nested():
        put(session, waiting(member, external_id="A-3", week=date(2026, 3, 10)))
    assert figures(session, member) == (0, 53, 53)


@pytest.mark.parametrize(("asked", "taken"), [(0, 0), (20, 20), (48, 48), (100, 48)])
def test_shrinking_takes_what_there_is(session: Session, asked: int, taken: int) -> None:
    member = make_member(session)
    put(session, waiting(member), waiting(member, 9, effect="other"))
    assert ledger.shrink(session, member.id, "event", "A-1", "base:1", asked) == taken
    assert figures(session, member) == (57 - taken, 0, 0)
    assert sweep(session) == {"entries": 1 + (taken < 48), "points": 57 - taken, "members": 1}
    assert figures(session, member) == (0, 57 - taken, 57 - taken)
    assert ledger.shrink(session, member.id, "event", "A-1", "base:1", asked) == 0


def test_shrinking_what_is_not_there_takes_nothing(session: Session) -> None:
    member, other = make_member(session), make_member(session)
    put(session, waiting(member))
    for of, source, order, effect in (
        (other, "event", "A-1", "base:1"),
        (member, "another", "A-1", "base:1"),
        (member, "event", "A-2", "base:1"),
        (member, "event", "A-1", "base:2"),
    ):
        assert ledger.shrink(session, of.id, source, order, effect, 10) == 0
    assert figures(session, member) == (48, 0, 0)


def test_worked_example_i_of_the_contract(session: Session) -> None:
    """500 pending, 40 % refunded: 300 activate, no ledger entry for the 200."""
    member = make_member(session)
    put(session, waiting(member, 500))
    assert ledger.shrink(session, member.id, "event", "A-1", "base:1", 200) == 200
    sweep(session)
    assert [entry.amount for entry in entries(session, member)] == [300]


def test_what_was_taken_back_whole_can_come_again(session: Session) -> None:
    member = make_member(session)
    put(session, waiting(member))
    ledger.shrink(session, member.id, "event", "A-1", "base:1", 48)
    assert sweep(session)["entries"] == 0
    put(session, waiting(member, 20))
    assert figures(session, member) == (20, 0, 0)
    assert sweep(session)["points"] == 20


def test_a_new_date_holds_for_all_or_for_the_effects_named(session: Session) -> None:
    member, other = make_member(session), make_member(session)
    put(
        session, *(waiting(member, 10, effect=effect) for effect in "abc"), waiting(member, 7, "A-2"), waiting(other, 3)
    )
    ledger.reschedule(session, member.id, "event", "A-1", DUE + 5 * DAY)
    assert sweep(session) == {"entries": 2, "points": 10, "members": 2}
    ledger.reschedule(session, member.id, "event", "A-1", {"a": DUE, "b": DUE + 9 * DAY, "nobody's": DUE})
    assert sweep(session)["points"] == 10
    assert sweep(session, DUE + 5 * DAY)["points"] == 10
    ledger.reschedule(session, member.id, "event", "A-1", DUE)
    assert sweep(session)["points"] == 10
    assert [entry.effect for entry in entries(session, member)] == ["base:1", "a", "c", "b"]


def test_a_release_by_hand_posts_all_of_one_thing_whatever_the_dates(session: Session) -> None:
    make_tier(session, "silver", 15)
    member = make_member(session)
    put(session, waiting(member, 10, effect="a"), waiting(member, 6, effect="b", activates_at=DUE + DAY))
    put(session, waiting(member, 7, "A-2"))
    posted = ledger.activate_now(session, "event", "A-1", NOW, rules=RULES)
    assert [(e.amount, e.balance_after, e.created, e.occurred_at) for e in posted.entries] == [
        (10, 10, True, NOW),
        (6, 16, True, NOW),
    ]
    assert [upgrade.to_slug for upgrade in posted.upgrades] == ["silver"]
    assert ledger.activate_now(session, "event", "A-1", NOW, rules=RULES).entries == []
    assert ledger.activate_now(session, "event", "nothing", NOW, rules=RULES).entries == []
    assert figures(session, member) == (7, 16, 16)


def test_an_upgrade_by_what_waited_is_recorded_when_it_activates_and_announced_once(session: Session) -> None:
    make_tier(session, "silver", 40)
    member = make_member(session)
    put(session, waiting(member))
    sweep(session)
    sweep(session, DUE + DAY)
    assert session.get_one(Tier, member.tier_id).slug == "silver"
    assert session.scalars(select(TierChange.changed_at)).all() == [DUE]


@pytest.mark.parametrize("way", ["suspended", "closed"])
@pytest.mark.parametrize("side", [0, 1])
def test_both_sides_wait_while_one_may_not_have_it(session: Session, way: str, side: int) -> None:
    pairs = [(make_member(session), make_member(session)) for _ in range(2)]
    for number, (member, friend) in enumerate(pairs):
        kinds = (
            (member, 500, EntryType.REFERRAL_BONUS, "referrer"),
            (friend, 100, EntryType.REFERRAL_WELCOME, "referee"),
        )
        put(
            session,
            *(
                waiting(who, points, f"R{number}", source="referral", entry_type=kind, effect=effect)
                for who, points, kind, effect in kinds
            ),
        )
    put(session, waiting(pairs[0][1 - side], 5))
    bar(session, pairs[0][side], way)
    assert sweep(session, limit=1) == {"entries": 3, "points": 605, "members": 3}
    assert ledger.activate_now(session, "referral", "R0", DUE, rules=RULES).entries == []
    assert [member.pending for pair in pairs for member in pair] == [500, 100, 0, 0]
    bar(session, pairs[0][side], way, barred=False)
    assert ledger.activate_due(session, DUE, rules=RULES, limit=1) == {"entries": 2, "points": 600, "members": 2}
    assert find_differences(session) == []


def test_what_is_due_of_one_thing_does_not_wait_for_what_is_not(session: Session) -> None:
    early, late = make_member(session), make_member(session)
    put(session, waiting(early, 5), waiting(late, 7, activates_at=DUE + DAY))
    bar(session, late, "suspended")
    assert ledger.activate_due(session, DUE, rules=RULES) is None, "one of them is suspended"
    bar(session, late, "suspended", barred=False)
    assert ledger.activate_due(session, DUE, rules=RULES) == {"entries": 1, "points": 5, "members": 1}
    assert ledger.activate_due(session, DUE, rules=RULES) is None
    assert ledger.activate_due(session, DUE + DAY, rules=RULES) == {"entries": 1, "points": 7, "members": 1}
    assert find_differences(session) == []


def test_a_shard_does_its_members_and_those_who_share_with_them(session: Session) -> None:
    members = [make_member(session) for _ in range(20)]
    for number, (one, other) in enumerate(zip(members[::2], members[1::2], strict=True)):
        put(session, waiting(one, 2, f"{number}"), waiting(other, 3, f"{number}"))
    done = [sweep(session, shard=Shard(number, 4))["entries"] for number in range(4)]
    assert sum(done) == 20
    assert all(entries % 2 == 0 for entries in done)
    assert find_differences(session) == []


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_any_limit_comes_to_the_same_and_bounds_each_call(session: Session, limit: int) -> None:
    members = [make_member(session) for _ in range(4)]
    for number, member in enumerate(members):
        put(session, *(waiting(member, 1 + n, f"{number}-{n}", activates_at=DUE - n * DAY) for n in range(5)))
    calls = []
    while figures := ledger.activate_due(session, DUE, rules=RULES, limit=limit):
        calls.append(figures["entries"])
    assert (sum(calls), max(calls)) == (20, limit)
    assert find_differences(session) == []
    assert [[e.amount for e in entries(session, member)] for member in members] == [[5, 4, 3, 2, 1]] * 4, "oldest first"


def test_when_nothing_is_due_it_is_one_statement(session: Session) -> None:
    put(session, waiting(make_member(session)))
    with counted(session) as sent:
        assert ledger.activate_due(session, NOW, rules=RULES) is None
    assert len(sent) == 1


def test_a_batch_is_three_statements_however_many_credits_it_has(session: Session) -> None:
    for _ in range(30):
        put(session, *(waiting(make_member(session), effect=effect) for effect in "ab"))
    with counted(session) as sent:
        assert ledger.activate_due(session, DUE, rules=RULES) == {"entries": 60, "points": 2880, "members": 60}
    assert len(sent) == 3


def test_what_somebody_else_posted_is_left_and_reported(session: Session) -> None:
    member = make_member(session)
    put(session, waiting(member, effect="credit"))
    posting = ledger.credit(member.id, 48, EntryType.ORDER, source="event", external_id="A-1", rules=RULES, at=NOW)
    ledger.post(session, [posting], NOW)
    assert sweep(session)["entries"] == 0
    assert [(found["check"], found["stored"]) for found in find_differences(session)] == [("pending_activated", 0)]
