"""Transactional outbox: a change and the work it asks for commit together; workers claim with lease and fence."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.platform import clock, ids
from portal.platform.db import after_commit, db, unit_of_work
from portal.platform.documents import Document
from portal.platform.models import OutboxMessage
from portal.platform.outbox.claims import (
    MAX_ATTEMPTS,
    Claimed,
    LeaseLost,
    claim,
    finish,
    finish_all,
    postpone,
    retry,
)
from portal.platform.queue import QueueName, enqueue, enqueue_ids, is_waiting

log = logging.getLogger(__name__)
IN_HAND = 10
DELIVER_SECONDS = 30
IN_TURN = "portal.platform.outbox.deliver_in_turn"


class RetryLater(Exception):
    """The work was certainly not done and may be tried again."""


class Postponed(Exception):
    """The work must not be done before `until`; this does not count as an attempt."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class OutcomeUnknown(Exception):
    """The work may have been done; it is never tried again, and an operator sees it."""


Handler = Callable[[Claimed], None]
Keeper = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Consumers:
    """The handlers of messages by topic, what is kept open from message to message, and the urgent topics."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    keepers: list[Keeper] = field(default_factory=list)
    urgent: set[str] = field(default_factory=set)


def consume(app: Flask, topic: str, handler: Handler, *, urgent: bool = False) -> None:
    """Register the one consumer of `topic`. It runs outside any transaction, at least once, under a lease.

    `urgent` messages go before others as soon as a worker has finished those it has claimed, ten at most.

    :raises ValueError: if the topic has a consumer already.
    """
    consumers = _consumers(app)
    if topic in consumers.handlers:
        raise ValueError(f"{topic} has a consumer already")
    consumers.handlers[topic] = handler
    if urgent:
        consumers.urgent.add(topic)


def keep_open(app: Flask, keeper: Keeper) -> None:
    """Register a context to enter around each delivery, such as a connection to a mail server."""
    _consumers(app).keepers.append(keeper)


def carry_out(message: Claimed) -> None:
    """Call the topic's consumer with the message; the caller records the outcome."""
    _consumers(current_app).handlers[message.topic](message)


def list_topics() -> list[str]:
    """Every topic that has a consumer, by name."""
    return sorted(_consumers(current_app).handlers)


def _consumers(app: Flask) -> Consumers:
    return cast("Consumers", app.extensions["outbox"])


def put(session: Session, topic: str, payloads: Sequence[Document], *, dedupe: str | None = None) -> None:
    """Add messages to the current transaction; a worker is woken once that has committed.

    `dedupe` names a payload key: a message with the same topic and value is added only once, while its row is kept.
    """
    if not payloads:
        return
    now = clock.real_now()  # the work is due at once, even if a job runs as of another moment
    rows = [
        {
            "id": ids.new_id(),
            "topic": topic,
            "payload": payload,
            "created_at": now,
            "next_attempt_at": now,
            "dedupe_key": f"{topic}:{payload[dedupe]}" if dedupe else None,
        }
        for payload in payloads
    ]
    statement = insert(OutboxMessage).on_conflict_do_nothing(index_elements=["dedupe_key"])
    added = session.scalars(statement.returning(OutboxMessage.id), rows).all()
    after_commit.remember(session, list(added), urgent=topic in _consumers(current_app).urgent)


def close_pending(session: Session) -> None:
    """Mark everything pending as done, and wake no worker: for a history that was loaded and did not happen here."""
    values = {"status": "done", "finished_at": clock.now(), "lease_until": None}
    session.execute(update(OutboxMessage).where(OutboxMessage.status == "pending").values(values))
    after_commit.forget(session)


class Turn:
    """The turn of messages that are not urgent: it is over once an urgent one waits for a worker."""

    def __init__(self) -> None:
        self.over = False

    def goes_on(self) -> bool:
        """Whether no urgent message has been waiting so far."""
        self.over = self.over or is_waiting(QueueName.CRITICAL)
        return not self.over


def deliver_in_turn(only: Sequence[str]) -> None:
    """Job: carry out the messages with these ids, as `deliver` does; any left over are enqueued behind urgent ones."""
    turn = Turn()
    deliver(only, turn)
    if turn.over:
        enqueue(QueueName.MESSAGES, IN_TURN, list(only))


def deliver(only: Sequence[str] | None = None, turn: Turn | None = None) -> dict[str, int]:
    """Job: carry out due messages (with `only`, those of these ids), each under its own lease, for up to 30 s.

    With a `turn`, no more messages are claimed once it is over.
    """
    outcomes = {"done": 0, "retried": 0, "postponed": 0, "uncertain": 0}
    wanted = [UUID(i) for i in only] if only is not None else None
    deadline = time.monotonic() + DELIVER_SECONDS
    done: list[Claimed] = []
    with ExitStack() as open_things:
        for keeper in _consumers(current_app).keepers:
            open_things.enter_context(keeper())
        while batch := _exchange(done, IN_HAND if _goes_on(deadline, turn) else 0, wanted):
            done = []
            while batch and time.monotonic() < deadline:
                message = batch.pop(0)
                outcome = _carry_out(message)
                outcomes[outcome] += 1
                if outcome == "done":
                    done.append(message)
            for message in batch:
                _record(postpone, message, clock.now())
    return outcomes


def _goes_on(deadline: float, turn: Turn | None) -> bool:
    return time.monotonic() < deadline and (turn is None or turn.goes_on())


def _exchange(done: list[Claimed], limit: int, wanted: Sequence[UUID] | None) -> list[Claimed]:
    """Close what is done and claim up to `limit` more, in one transaction.

    A message that was done but could not be closed is delivered again: consumers are idempotent.
    """
    with unit_of_work() as session:
        for message in finish_all(session, done):
            _warn_of_lost_lease(message)
        return claim(session, limit=limit, only=wanted) if limit else []


def _carry_out(message: Claimed) -> str:
    if message.attempts > MAX_ATTEMPTS:  # every worker that claimed it died without recording an outcome
        _record(finish, message, "dead", "given up: each attempt ended with its worker")
        return "uncertain"
    try:
        carry_out(message)
    except LeaseLost:
        _warn_of_lost_lease(message)
        return "retried"
    except Postponed as error:
        _record(postpone, message, error.until)
        return "postponed"
    except OutcomeUnknown as error:
        _record(finish, message, "uncertain", str(error))
        return "uncertain"
    except RetryLater as error:
        log.warning("outbox message waits", extra={"outbox_id": ids.encode(message.id), "reason": str(error)})
        _record(retry, message, str(error))
        return "retried"
    except Exception as error:
        db.session.rollback()
        log.exception("outbox message failed", extra={"outbox_id": ids.encode(message.id), "topic": message.topic})
        _record(retry, message, f"{type(error).__name__}: {error}")
        return "retried"
    return "done"


def _record(verb: Callable[..., None], message: Claimed, *details: Any) -> None:
    try:
        with unit_of_work() as session:
            verb(session, message, *details)
    except LeaseLost:
        _warn_of_lost_lease(message)


def _warn_of_lost_lease(message: Claimed) -> None:
    log.warning("lease lost", extra={"outbox_id": ids.encode(message.id), "topic": message.topic})


class Backlog(NamedTuple):
    """How many messages wait, since when the oldest does, and how many need somebody to look at them."""

    pending: int
    oldest: datetime | None
    uncertain: int


BACKLOG = text("""
    SELECT (SELECT count(*) FROM outbox WHERE status = 'pending') AS pending,
           (SELECT min(created_at) FROM outbox WHERE status = 'pending') AS oldest,
           (SELECT count(*) FROM outbox WHERE status IN ('uncertain', 'dead')) AS uncertain
""")


def describe_backlog(row: Backlog | None, now: datetime) -> Document:
    """The figures of the row that `BACKLOG` returns, as a document."""
    assert row is not None, "it counts, and so always answers"
    age = max((now - row.oldest).total_seconds(), 0.0) if row.oldest else 0.0
    return {"pending": row.pending, "oldestAgeSeconds": round(age, 3), "uncertain": row.uncertain}


def wake_workers(message_ids: list[UUID], urgent: bool) -> None:
    """Enqueue committed messages; if Redis is down, the sweeper finds them later."""
    if urgent:
        enqueue_ids(QueueName.CRITICAL, "portal.platform.outbox.deliver", message_ids)
    else:
        enqueue_ids(QueueName.MESSAGES, IN_TURN, message_ids)


def init_app(app: Flask) -> None:
    """Wake workers after every commit that put something in the outbox."""
    app.extensions["outbox"] = Consumers()
    after_commit.call_after_commit(app, wake_workers)


LANES = 4
BACKLOG_JOB = "portal.platform.outbox.deliver_backlog"
SECONDS = 120


def deliver_backlog() -> None:
    """Job: carry out due messages for up to 30 s, a few at a time, each under its own lease; urgent ones go first."""
    app: Any = current_app
    application, turn = app._get_current_object(), Turn()

    def lane(_: int) -> None:
        with application.app_context():
            deliver(turn=turn)

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))
    if turn.over:
        enqueue(QueueName.MESSAGES, BACKLOG_JOB, timeout=SECONDS)
