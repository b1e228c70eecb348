"""The outbox: claim with lease and fence, retry, burial, and what survives a crash."""

import time
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from tests.concurrency import at_once


def put(session: Session, *names: str) -> None:
    outbox.put(session, "test.topic", [{"name": name} for name in names], dedupe="name")


def test_a_message_is_unique_for_its_dedupe_key(session: Session) -> None:
    put(session, "a")
    put(session, "a", "b")
    assert len(session.scalars(select(OutboxMessage)).all()) == 2


def test_a_claimed_message_is_not_claimed_again_within_its_lease(session: Session) -> None:
    put(session, "a")
    assert len(outbox.claim(session)) == 1
    assert outbox.claim(session) == []


def test_a_lease_that_ran_out_goes_to_the_next_and_the_first_may_not_finish(session: Session) -> None:
    put(session, "a")
    first = outbox.claim(session)[0]
    with clock.at(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        second = outbox.claim(session)[0]
        assert second.fence == first.fence + 1
        with pytest.raises(outbox.LeaseLost):
            outbox.finish(session, first)
        outbox.finish(session, second)
    assert session.scalar(select(OutboxMessage.status)) == "done"


def test_a_failure_waits_longer_each_time_and_is_buried_after_the_last(session: Session) -> None:
    put(session, "a")
    moment, waits = clock.now(), []
    for _ in range(outbox.MAX_ATTEMPTS):
        with clock.at(moment):
            message = outbox.claim(session)[0]
            outbox.retry(session, message, "refused")
            row = session.scalars(select(OutboxMessage).execution_options(populate_existing=True)).one()
            waits.append(row.next_attempt_at - moment)
            moment = row.next_attempt_at
    assert waits[:4] == [timedelta(seconds=s) for s in (10, 20, 40, 80)]
    assert (row.status, row.last_error) == ("dead", "refused")


def test_the_backlog_is_counted(session: Session) -> None:
    put(session, "a", "b")
    backlog = outbox.describe_backlog(session.execute(outbox.BACKLOG).one(), clock.now() + timedelta(seconds=30))
    assert (backlog["pending"], backlog["uncertain"]) == (2, 0)
    assert 30 <= backlog["oldestAgeSeconds"] < 31


def test_concurrent_workers_share_the_messages_and_take_none_twice(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        put(session, *(str(number) for number in range(60)))

    def work(_: int) -> list[str]:
        with unit_of_work() as session:
            return [message.payload["name"] for message in outbox.claim(session, limit=10)]

    taken = [name for names in at_once(committed_app, 8, work) for name in names]
    assert len(taken) == len(set(taken)) == 60


def test_a_handler_that_fails_gives_the_message_back_and_one_that_is_unsure_keeps_it(
    committed_app: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def handle(message: outbox.Claimed) -> None:
        seen.append(message.payload["name"])
        if message.payload["name"] == "bad":
            raise ConnectionRefusedError("no")
        if message.payload["name"] == "unsure":
            raise outbox.OutcomeUnknown("the line went dead")

    monkeypatch.setitem(committed_app.extensions["outbox"].handlers, "test.topic", handle)
    with committed_app.app_context():
        with unit_of_work() as session:
            put(session, "good", "bad", "unsure")
        assert outbox.deliver() == {"done": 1, "retried": 1, "postponed": 0, "uncertain": 1}
        assert outbox.deliver() == {"done": 0, "retried": 0, "postponed": 0, "uncertain": 0}
        with unit_of_work() as session:
            rows = {row.payload["name"]: row.status for row in session.scalars(select(OutboxMessage))}
    assert rows == {"good": "done", "bad": "pending", "unsure": "uncertain"}
    assert sorted(seen) == ["bad", "good", "unsure"]


def test_a_message_whose_workers_all_died_is_given_up_at_last(
    committed_app: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[str] = []
    monkeypatch.setitem(
        committed_app.extensions["outbox"].handlers, "test.topic", lambda message: handled.append(message.topic)
    )
    with committed_app.app_context():
        with unit_of_work() as session:
            put(session, "deadly")
        moment = clock.now()
        for _ in range(outbox.MAX_ATTEMPTS):
            with clock.at(moment), unit_of_work() as session:
                assert outbox.claim(session)
            moment += outbox.LEASE + timedelta(seconds=1)
        with clock.at(moment):
            outbox.deliver()
        with unit_of_work() as session:
            row = session.scalars(select(OutboxMessage)).one()
    assert (row.status, handled) == ("dead", [])


def test_what_was_in_a_dead_workers_hand_is_taken_one_by_one(session: Session) -> None:
    put(session, "a", "b", "c")
    assert len(outbox.claim(session)) == 3
    with clock.at(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        put(session, "d", "e")
        taken = [[message.payload["name"] for message in outbox.claim(session)] for _ in range(4)]
    assert [sorted(names) for names in taken] == [["d", "e"], ["a"], ["b"], ["c"]]


def test_what_is_not_begun_in_time_is_given_back_uncounted(
    committed_app: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(committed_app.extensions["outbox"].handlers, "test.topic", lambda _: time.sleep(3))
    monkeypatch.setattr("portal.platform.outbox.messages.DELIVER_SECONDS", 2)
    with committed_app.app_context():
        with unit_of_work() as session:
            put(session, "a", "b", "c")
        assert outbox.deliver()["done"] == 1
        with unit_of_work() as session:
            rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.status)).all()
            assert [(row.status, row.attempts) for row in rows] == [("done", 1), ("pending", 0), ("pending", 0)]
            assert len(outbox.claim(session)) == 2


def lose(session: Session, *names: str) -> None:
    put(session, *names)
    raise LookupError


def lose_with_a_savepoint(session: Session) -> None:
    with session.begin_nested():
        put(session, "undone")
        with session.begin_nested():
            put(session, "undone with its savepoint")
        raise LookupError


def test_workers_are_woken_for_what_was_committed_and_for_nothing_that_was_rolled_back(
    committed_app: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setitem(committed_app.extensions, "after_commit", lambda message_ids, _: woken.append(len(message_ids)))
    with committed_app.app_context():
        with suppress(LookupError), unit_of_work() as session:
            lose(session, "lost")
        with unit_of_work() as session:
            put(session, "kept")
            with suppress(LookupError):
                lose_with_a_savepoint(session)
            with session.begin_nested():
                put(session, "released", "with its savepoint")
            assert woken == []
        with unit_of_work() as session:
            names = {row.payload["name"] for row in session.scalars(select(OutboxMessage))}
    assert woken == [3]
    assert names == {"kept", "released", "with its savepoint"}
