"""Signals are data: each has words for every channel, a campaign from the start and a place in the documents."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.notifications.models import ChannelName
from portal.nudges import state
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS, Reader
from portal.nudges.web.preview import preview_nudge
from portal.platform import clock
from tests.factories.checkout import make_intent
from tests.factories.loyalty import make_member, make_reward, request_reward
from tests.nudges.people import DAY, expire_soon


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("channel", list(ChannelName))
@pytest.mark.parametrize("signal", list(SIGNALS))
def test_every_signal_can_be_previewed_on_every_channel(signal: str, channel: ChannelName) -> None:
    preview = preview_nudge(signal, channel)
    assert preview.subject
    assert "\n" not in preview.subject
    assert "None" not in preview.text
    if channel is ChannelName.EMAIL:
        assert "Unsubscribe" in preview.text
        assert preview.html is not None
        assert f"<h1>{preview.subject}" in preview.html.replace("&#39;", "’")
    else:
        assert preview.html is None
        assert len(preview.text.splitlines()) == 1
        assert ("http" in preview.text) is (channel is ChannelName.SMS)


@pytest.mark.usefixtures("session")
def test_a_preview_is_told_as_of_today() -> None:
    with clock.at(datetime(2031, 5, 10, 9, tzinfo=UTC)):
        assert "by 16 May" in preview_nudge("expiring_points", ChannelName.EMAIL).text


def test_the_examples_know_what_the_statements_say(session: Session) -> None:
    """A preview shows what a member would see: its facts have the names that the signal's SQL gives."""
    member = make_member(session)
    make_reward(session, "mug", 10)
    expire_soon(session, member)
    make_intent(session, member)
    make_intent(session, member, reward="mug")
    with clock.at(clock.now() - 4 * DAY):
        request_reward(session, member, "mug")
    statement = text(f"WITH {state._GIVEN} SELECT signal, facts FROM wanted")
    values = state.values_for(NudgeRules.current(), clock.now(), [member.id])
    found = {row.signal: row.facts for row in session.execute(statement, values)}
    assert {name: set(facts) for name, facts in found.items()} == {
        name: set(signal.example) for name, signal in SIGNALS.items()
    }


def test_every_amount_is_said_right() -> None:
    words = SIGNALS["expiring_points"].words
    reader = Reader("en", ZoneInfo("UTC"), clock.now())
    facts = {"points": 1, "lots": 1, "first_expires_at": "2027-01-02T00:00:00+00:00"}
    one = words({**facts, "expires_at": facts["first_expires_at"]}, reader)
    assert one.title == "1 point expires soon"
    assert "Use it by 1 January" in one.body
