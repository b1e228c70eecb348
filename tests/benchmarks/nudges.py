"""Nudge aggregation: its cost follows the work due, and stays near that of the least one could ask PostgreSQL to do."""

import statistics
import time

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.nudges.candidates import aggregate_nudge_candidates
from portal.platform import clock
from portal.platform.db import db, unit_of_work

DUE = 1000
ROUNDS = 5

_MAKE_DUE = text("""
    UPDATE loyalty_point_expirations SET expires_at = CAST(:now AS timestamptz) + interval '10 days'
    WHERE (member_id, seq) IN (
        SELECT member_id, min(seq) FROM loyalty_point_expirations WHERE remaining > held
        GROUP BY member_id ORDER BY member_id LIMIT :due)
""")
_BY_HAND = text("""
    INSERT INTO loyalty_nudges (member_id, id, signal, fingerprint, causes, status, payload, created_at, updated_at,
        expires_at, next_dispatch_at)
    SELECT member_id, new_ulid(:now), 'expiring_points', max(id::text), array_agg(id), 'active',
           jsonb_build_object('points', sum(remaining - held), 'expires_at', max(expires_at)), :now, :now,
           CAST(:now AS timestamptz) + interval '14 days', :now
    FROM loyalty_point_expirations
    WHERE remaining > held AND expires_at > :now AND expires_at <= CAST(:now AS timestamptz) + interval '14 days'
    GROUP BY member_id ON CONFLICT DO NOTHING
""")


def make_due(session: Session, due: int = DUE) -> None:
    """Let points of so many members expire in ten days, such as no hold has taken; the caller commits."""
    session.execute(_MAKE_DUE, {"now": clock.now(), "due": due})


def aggregate(session: Session) -> int:
    """Aggregate everybody in this transaction; how many nudges were made."""
    now, made, after = clock.now(), 0, None
    while True:
        done = aggregate_nudge_candidates(session, now, after=after)
        made, after = made + done.figures["made"], done.after
        if after is None:
            return made


def measure() -> None:
    """Print what aggregation takes, as a share of one hand-written statement's rate."""
    with unit_of_work() as session:
        make_due(session)
    made, looked, by_hand = seconds()
    share = by_hand / made
    print(f"nudge aggregation: {share:6.1%} of one statement   budget 50%   {'ok' if share >= 0.5 else 'BELOW'}")
    print(f"nudge aggregation: {DUE} due in {made * 1000:.0f} ms, looked at again in {looked * 1000:.0f} ms")


def measure_growth(small: Flask, large: Flask) -> None:
    """Print how much longer the same work takes in a large programme; budget 2 times."""
    times = []
    for app in (small, large):
        with app.app_context():
            with unit_of_work() as session:
                make_due(session)
                session.execute(text("ANALYZE loyalty_point_expirations"))
            times.append(seconds())
    for what, before, after in zip(("made", "looked at again"), *times, strict=False):
        took = f"{before * 1000:.0f} ms, {after * 1000:.0f} ms in the large programme"
        print(f"nudges {what}: {took}   budget 2 times   {'ok' if after <= 2 * before else 'ABOVE'}")


def seconds() -> tuple[float, float, float]:
    """Medians: making all nudges that are due, looking again when nothing has changed, and one statement by hand."""
    rounds = [_round() for _ in range(ROUNDS)]
    made, looked, by_hand = (statistics.median(times) for times in zip(*rounds, strict=True))
    return made, looked, by_hand


def _round() -> tuple[float, float, float]:
    session = db.session()
    began = time.perf_counter()
    first = aggregate(session)
    made = time.perf_counter()
    again = aggregate(session)
    looked = time.perf_counter()
    session.rollback()
    by_hand = time.perf_counter()
    session.execute(_BY_HAND, {"now": clock.now()})
    done = time.perf_counter()
    session.rollback()
    if not first or again:
        raise RuntimeError(f"{first} nudges were made of {DUE} that are due, and {again} when nothing had changed")
    return made - began, looked - made, done - by_hand
