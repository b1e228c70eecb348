"""One worker, and many messages that take their time: who waits for a change of the tiers does not wait for those."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import func, select

from portal.jobs.web import worker
from portal.platform import clock, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.outbox import BACKLOG_JOB
from portal.platform.queue import QueueName, client, enqueue
from portal.platform.web.application import Portal
from portal.tiers.models import Requalification
from portal.tiers.qualification import CHANGED_TOPIC, UPGRADE_TOPIC, put_tier
from tests import databases
from tests.factories.loyalty import make_member, make_tier
from tests.queues import queue_url

SLOW = "test.slow"
MANY = 60


@pytest.fixture
def one_worker(servers: databases.Servers, app: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """An application with database and queues of its own; the fifth slow message brings a change of the tiers,
    while every lane has some of its ten in hand."""
    application = databases.make_app(servers, servers.create("urgent"), redis_url=queue_url(servers))

    def handle(message: outbox.Claimed) -> None:
        time.sleep(0.05)
        if message.payload["number"] == 4:
            with unit_of_work() as session:
                put_tier(session, "silver", {"name": "Silver", "threshold": 50}, Act("test", clock.now()))

    monkeypatch.setitem(application.extensions["outbox"].handlers, SLOW, handle)
    with application.app_context():
        client().flushdb()
        yield application
        client().flushdb()
        databases.dispose(application)
    servers.drop("urgent")


def finished(topic: str) -> list[datetime]:
    """When the messages of a topic were done, the first of them first."""
    with unit_of_work() as session:
        done = select(OutboxMessage.finished_at).where(OutboxMessage.topic == topic, OutboxMessage.status == "done")
        return [moment for moment in session.scalars(done.order_by(OutboxMessage.finished_at)) if moment]


@pytest.mark.parametrize("swept", [False, True])
def test_a_change_of_the_tiers_overtakes_what_is_being_sent_and_all_of_it_is_sent(
    one_worker: Portal, swept: bool
) -> None:
    with unit_of_work() as session:
        make_tier(session, "base", 0)
        for _ in range(5):
            make_member(session, points=60)
    with unit_of_work() as session:
        outbox.put(session, SLOW, [{"number": number} for number in range(MANY)])
    if swept:  # nobody was woken for them, so a sweep finds them
        client().flushdb()
        enqueue(QueueName.MESSAGES, BACKLOG_JOB)
    worker.work(one_worker, burst=True)
    (moved,), slow = finished(CHANGED_TOPIC), finished(SLOW)
    assert len(slow) == MANY
    # What is in hand is finished: ten, or ten in each of four lanes.
    assert sum(moment < moved for moment in slow) <= (40 if swept else 20)
    assert len(finished(UPGRADE_TOPIC)) == 5
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).where(Requalification.finished_at.is_(None))) == 0


def test_without_anything_urgent_a_turn_is_not_over(one_worker: Portal) -> None:
    assert outbox.Turn().goes_on()
    enqueue(QueueName.MESSAGES, BACKLOG_JOB)
    turn = outbox.Turn()
    assert (turn.goes_on(), turn.over) == (True, False)
    enqueue(QueueName.CRITICAL, BACKLOG_JOB)
    assert (turn.goes_on(), turn.over) == (False, True)
