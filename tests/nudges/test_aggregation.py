"""Aggregation: all at once, twice, beside members' own requests, and at a cost that follows what is due."""

from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.nudges import candidates, state
from portal.nudges.campaigns import put_campaign
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.feed import refresh_and_list_nudges, update_nudge_status
from portal.nudges.models import Nudge
from portal.nudges.rules import NudgeRules
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.steps import Shard
from portal.platform.web.application import Portal
from tests.benchmarks import dataset, nudges
from tests.concurrency import at_once
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member
from tests.nudges.people import DAY, expire_soon

DUE = 200
NONE = {"members": 0, "made": 0, "renewed": 0, "refreshed": 0, "revived": 0, "ended": 0}


def test_it_makes_refreshes_renews_and_ends_and_repeating_it_changes_nothing(session: Session) -> None:
    spender, lucky, nobody = make_member(session), make_member(session), make_member(session)
    for member in (spender, lucky):
        expire_soon(session, member)
    earn(session, nobody, 50)
    now = clock.now()

    def figures(days: float = 0) -> dict[str, int]:
        found = aggregate_nudge_candidates(session, now + days * DAY).figures
        again = aggregate_nudge_candidates(session, now + days * DAY).figures
        assert again == {**NONE, "members": again["members"]}
        return found

    assert figures() == {**NONE, "members": 2, "made": 2}
    session.execute(
        text("UPDATE loyalty_point_expirations SET remaining = 20 WHERE member_id = :id"), {"id": spender.id}
    )
    expire_soon(session, lucky, 30)
    assert figures() == {**NONE, "members": 2, "refreshed": 1, "renewed": 1}
    assert figures(10.5) == {**NONE, "members": 2, "ended": 2}
    assert figures(11) == NONE


def test_bounded_pieces_and_shards_reach_everybody_once(session: Session) -> None:
    for _ in range(7):
        expire_soon(session, make_member(session))
    now, after, pieces = clock.now(), None, 0
    while True:
        done = aggregate_nudge_candidates(session, now, after=after, limit=3)
        pieces, after = pieces + 1, done.after
        if after is None:
            break
    assert (pieces, session.scalar(select(func.count()).select_from(Nudge))) == (3, 7)
    shards = [aggregate_nudge_candidates(session, now, shard=Shard(number, 4)).figures for number in range(4)]
    assert sum(found["members"] for found in shards) == 7


def test_without_an_active_campaign_a_signal_makes_nothing_and_ends_what_it_made(session: Session) -> None:
    member = make_member(session)
    expire_soon(session, member)
    assert aggregate_nudge_candidates(session, clock.now()).figures["made"] == 1
    put_campaign(session, "expiring_points", {"active": False}, Act("test", clock.now()))
    assert aggregate_nudge_candidates(session, clock.now()).figures["ended"] == 1
    put_campaign(session, "expiring_points", {"active": True}, Act("test", clock.now()))
    assert aggregate_nudge_candidates(session, clock.now()).figures["revived"] == 1


def test_aggregations_requests_and_answers_at_once_leave_one_live_nudge_of_each(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        members = [make_member(session) for _ in range(12)]
        for member in members:
            expire_soon(session, member)
            make_intent(session, member, ttl=3 * DAY)
        users = [member.user_id for member in members]

    def one(number: int) -> None:
        for step in range(20):
            user_id = users[(number * 5 + step) % len(users)]
            with unit_of_work() as session:
                if number % 2:
                    aggregate_nudge_candidates(session, clock.now() + timedelta(minutes=step))
                    continue
                cards = refresh_and_list_nudges(session, user_id, clock.now())
            for card in cards if step % 3 == 0 else ():
                with unit_of_work() as session:
                    nudge = session.scalars(select(Nudge.id).where(Nudge.status != "gone").limit(1)).one()
                    owner = session.scalars(text(OWNER), {"id": nudge}).one()
                    update_nudge_status(session, owner, nudge, "dismissed", clock.now())
                    assert card["id"]

    at_once(committed_app, 6, one)
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Nudge)) == 24
        kinds = select(Nudge.member_id, Nudge.signal).distinct()
        assert len(session.execute(kinds).all()) == 24


OWNER = "SELECT m.user_id FROM loyalty_members m JOIN loyalty_nudges n ON n.member_id = m.id WHERE n.id = :id"


def buffers(session: Session, members: int) -> int:
    """Pages that a sweep over `DUE` members reads among so many, once they have their nudges."""
    dataset.fill(session, members, 3, clock.now())
    nudges.make_due(session, DUE)
    dataset.analyze(session)
    now, rules = clock.now(), NudgeRules.current()
    assert nudges.aggregate(session) == DUE
    everybody = {"after": candidates._FIRST, "limit": 2000, "number": 0, "of": 1}
    found = session.scalars(candidates._NEXT, {**state.values(rules, now), **everybody}).all()
    assert len(found) == DUE
    pages = 0
    for statement, values in (
        (candidates._NEXT, {**state.values(rules, now), **everybody}),
        (state.BEHIND, state.values_for(rules, now, found)),
    ):
        plan = session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}"), values).scalar_one()
        pages += plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
    return pages


def test_its_cost_follows_what_is_due_and_not_the_programme(committed_app: Portal) -> None:
    with committed_app.app_context():
        with unit_of_work() as session:
            small = buffers(session, 2_000)
            session.rollback()
        with unit_of_work() as session:
            large = buffers(session, 20_000)
            session.rollback()
    # Those who are due lie further apart in a larger programme, up to two pages each. One pass over it reads 1,500.
    assert max(small, large) <= 2 * DUE, (small, large)
