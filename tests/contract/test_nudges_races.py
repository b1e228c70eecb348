"""Devices that poll at once and jobs that run at once: one nudge, one message."""

from collections import Counter

import pytest

from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import Api
from tests.contract.document import Document, Json
from tests.contract.mailing import JOB, Mailing, noon
from tests.contract.till import Till, redemption, share


@pytest.fixture
def mailing(committed_app: Portal, document: Document) -> Mailing:
    """A shop whose messages go to the preview inbox."""
    return Mailing(committed_app, document)


def device(mailing: Mailing, user_id: str = "ann") -> Till:
    api = Api(mailing.app.test_client(), mailing.shop.api.document)
    api.headers = mailing.shop.api.headers
    return Till(api, user_id)


def test_eight_devices_that_poll_see_one_nudge_a_signal(committed_app: Portal, mailing: Mailing) -> None:
    till = mailing.user()
    mailing.lot()
    till.plan(redemption(), share())
    found = at_once(committed_app, 8, lambda _: device(mailing).nudges())
    ids = [{nudge["id"] for nudge in seen.values()} for seen in found]
    assert all(one == ids[0] for one in ids)
    assert len(ids[0]) == 3


def test_a_dismissal_holds_against_devices_that_poll(committed_app: Portal, mailing: Mailing) -> None:
    till = mailing.user()
    mailing.lot()
    nudge = till.nudges()["expiring_points"]

    def one(number: int) -> Json:
        return device(mailing).nudges() if number % 2 else device(mailing).answer(nudge, "dismissed").get_json()

    at_once(committed_app, 8, one)
    assert till.nudges() == {}


def test_four_runs_at_once_send_one_message_each(committed_app: Portal, mailing: Mailing) -> None:
    for number in range(6):
        mailing.user(f"user{number}")
        mailing.lot(f"user{number}")
    arguments = ["jobs", "run", JOB, "--at", noon().isoformat()]
    at_once(committed_app, 4, lambda _: committed_app.test_cli_runner().invoke(args=arguments).exit_code)
    mailing.run(noon())
    sent = mailing.shop.api.get("/nudge-dispatches", {"limit": 100, "statuses": "sent"}).get_json()["dispatches"]
    assert Counter(event["userId"] for event in sent) == {f"user{number}": 1 for number in range(6)}


def test_the_daily_cap_holds_when_runs_meet(committed_app: Portal, mailing: Mailing) -> None:
    till = mailing.user()
    mailing.lot()
    till.plan(redemption(), share(), ttlHours=200)
    arguments = ["jobs", "run", JOB, "--at", noon().isoformat()]
    at_once(committed_app, 4, lambda _: committed_app.test_cli_runner().invoke(args=arguments).exit_code)
    mailing.run(noon())
    assert mailing.statuses().count("sent") == 2
