"""What is on its way counts for the caps of now, whenever it was first tried."""

from datetime import timedelta

from sqlalchemy import select

from portal.members.models import Member
from portal.notifications.sending import Outcome
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import Due, claim_nudge, record_outcome
from portal.nudges.models import Nudge
from portal.nudges.rules import NudgeRules
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.factories.checkout import make_intent
from tests.factories.loyalty import make_reward
from tests.nudges.people import DAY, decisions, make_due


def due_of(member: Member) -> list[Due]:
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())
        return [Due(n.member_id, n.id) for n in session.scalars(select(Nudge).order_by(Nudge.signal))]


def test_what_was_put_off_yesterday_and_leaves_now_is_one_of_todays(shop: Portal) -> None:
    evening = (clock.now() + DAY).replace(hour=23, minute=50)
    member, rules = make_due(at=evening - DAY), NudgeRules.current()
    with clock.at(evening), unit_of_work() as session:
        make_reward(session, "mug", 10)
        for reward in (None, "mug"):
            make_intent(session, session.get_one(Member, member.id), reward=reward, ttl=5 * DAY)
    with clock.at(evening):
        first, second, third = due_of(member)
        with unit_of_work() as session:
            claim = claim_nudge(session, first, evening, rules)
            assert claim is not None
            record_outcome(session, claim.about, claim.event_id, Outcome("deferred"), evening)
    assert rules.daily_cap == 2

    morning = evening + timedelta(minutes=20)
    with clock.at(morning), unit_of_work() as session:
        taken = [claim_nudge(session, due, morning, rules) is not None for due in (first, second, third)]

    assert taken == [True, True, False]
    assert ("suppressed", "daily_cap", None) in decisions(member)
