"""What the progression job does to intents whose time is over, and to holds of a checkout."""

from datetime import datetime, timedelta

import pytest

from portal.platform import clock
from portal.platform.web.application import Portal
from tests.contract.api import code
from tests.contract.document import Document
from tests.contract.mailing import Mailing, noon
from tests.contract.till import redemption, share


@pytest.fixture
def mailing(committed_app: Portal, document: Document) -> Mailing:
    """The shop where commits are real."""
    return Mailing(committed_app, document)


def progress(mailing: Mailing, at: datetime) -> None:
    arguments = ["jobs", "run", "loyalty_progression", "--at", at.isoformat()]
    result = mailing.app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output


def test_the_job_expires_what_is_over_and_nothing_else(mailing: Mailing) -> None:
    till = mailing.user()
    till.plan(redemption("short"), ttlHours=1)
    till.plan(redemption("long"), share(), ttlHours=100)
    till.confirm(redemption("done"), ttlHours=1)
    for _ in range(2):
        progress(mailing, clock.now() + timedelta(hours=2))
        assert till.pending() == ["long", "s-1"]
        assert code(till.ask("confirm", redemption("short"))) == (409, "intent_expired")
        assert till.ask("confirm", redemption("done")).status_code == 200
    assert till.confirm(redemption("long"))["status"] == "confirmed"
    assert mailing.shop.points("ann")[1] == 60


def test_an_expired_intent_calls_for_no_nudge_and_no_message(mailing: Mailing) -> None:
    till = mailing.user()
    till.plan(redemption(), share(), ttlHours=1)
    assert len(till.nudges()) == 2
    progress(mailing, noon())
    assert till.nudges() == {}
    mailing.run(noon())
    assert "sent" not in mailing.statuses()


def test_a_hold_that_got_old_is_released_and_the_intent_can_be_closed(mailing: Mailing) -> None:
    till = mailing.user()
    till.confirm(redemption())
    progress(mailing, clock.now() + timedelta(days=31))
    assert till.redemptions()[0]["failureReason"] == "hold_expired"
    assert till.ask("confirm", redemption()).status_code == 200
    assert mailing.shop.points("ann")[1] == 0, "it is reserved once, however often it is confirmed"
    assert till.cancel(redemption())["status"] == "cancelled"
    assert till.redemptions()[0]["failureReason"] == "hold_expired"
