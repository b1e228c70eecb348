"""Posting and expiry, beside the least that PostgreSQL could be asked to do."""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import text

from portal import ledger
from portal.ledger.models import EntryType
from portal.members.membership import lock_members
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from tests.factories.loyalty import RULES

AT_ONCE = 500
# As few words as leave a ledger that `ledger verify` accepts.
_BY_HAND = text("""
    WITH due AS (
        UPDATE loyalty_point_expirations SET remaining = held
        WHERE remaining > held AND expires_at <= :now RETURNING member_id, id, points, seq
    ), named AS (
        SELECT *, new_ulid(:now) AS entry_id, row_number() OVER lots AS n, sum(points) OVER lots AS running
        FROM due WINDOW lots AS (PARTITION BY member_id ORDER BY seq)
    ), totals AS (
        UPDATE loyalty_members m SET balance = balance - d.points, last_seq = last_seq + d.n
        FROM (SELECT member_id, sum(points) AS points, count(*) AS n FROM due GROUP BY member_id) d
        WHERE m.id = d.member_id
        RETURNING m.id, m.balance + d.points AS balance, m.last_seq - d.n AS seq
    ), noted AS (
        INSERT INTO loyalty_lot_debits (member_id, entry_id, lot_id, points)
        SELECT member_id, entry_id, id, points FROM named
    )
    INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after, qualifying,
        qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
    SELECT d.member_id, t.seq + d.n, d.entry_id, :now, 'expiration', -d.points, t.balance - d.running, 0, :now, :now, 1,
           '{}', 'hand', d.id::text, 'x'
    FROM named d JOIN totals t ON t.id = d.member_id
""")


def measure() -> None:
    """Print single and batch posting rates, and the sweep's as a share of one hand-written statement's."""
    with unit_of_work() as session:
        members = session.scalars(text("SELECT id FROM loyalty_members ORDER BY random() LIMIT 1000")).all()
    single = _timed(300, lambda: _post([random.choice(members)]))
    batch = _timed(10, lambda: _post(random.sample(members, AT_ONCE))) * AT_ONCE
    print(f"posting: {single:.0f}/s one at a time, {batch:.0f}/s in batches of {AT_ONCE} ({batch / single:.1f} times)")
    late = clock.now() + timedelta(days=500)
    swept, took = 0, 0.0
    while swept < 5000:
        began = time.perf_counter()
        with unit_of_work() as session:
            swept += (ledger.expire_scheduled_points(session, late) or {"entries": 5000})["entries"]
        took += time.perf_counter() - began
    ours = swept / took
    began = time.perf_counter()
    with unit_of_work() as session:
        left = session.execute(_BY_HAND, {"now": late}).rowcount
    theirs = left / (time.perf_counter() - began)
    share = ours / theirs
    print(
        f"expiry sweep: {share:6.1%} of one hand-written statement   budget 50%   {'ok' if share >= 0.5 else 'BELOW'}"
    )


def _post(members: list[object]) -> None:
    with unit_of_work() as session:
        now = clock.now()
        lock_members(session, members)
        ledger.post(
            session,
            [
                ledger.credit(
                    member,
                    10,
                    EntryType.ORDER,
                    source="order",
                    external_id=ids.encode(ids.new_id()),
                    rules=RULES,
                    at=now,
                )
                for member in members
            ],
            now,
        )


def _timed(times: int, call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return times / (time.perf_counter() - began)
