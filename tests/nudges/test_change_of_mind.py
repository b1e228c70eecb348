"""Consent that is taken back at the very moment of sending, and given again later."""

from portal.accounts.preferences import Preferences, put_preferences
from portal.notifications.sending import Outcome
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import claim_nudge, collect_nudge_dispatch_batch, record_outcome
from portal.nudges.rules import NudgeRules
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.nudges.people import DAY, decisions, make_due, run


def consent(user_id: str, given: bool) -> None:
    with unit_of_work() as session:
        put_preferences(session, user_id, Preferences(given), ())


def test_a_nudge_that_was_refused_while_it_was_sent_leaves_once_it_is_wanted_again(shop: Portal) -> None:
    member, now = make_due(), clock.now()
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, now)
        (due,) = collect_nudge_dispatch_batch(session, now)
        claim = claim_nudge(session, due, now, NudgeRules.current())
    assert claim is not None
    consent(member.user_id, False)
    with unit_of_work() as session:
        record_outcome(session, claim.about, claim.event_id, Outcome("suppressed", "marketing_off"), now)
    run(now + 1.1 * DAY)
    consent(member.user_id, True)

    run(now + 2.2 * DAY)
    run(now + 3.3 * DAY)

    assert [row[0] for row in decisions(member)] == ["suppressed", "suppressed", "sent"]
