"""Rate limits: counted per principal, in Redis for writes, in memory while Redis is away."""

import pytest
import time_machine
from flask.testing import FlaskClient
from limits import parse_many
from sqlalchemy.orm import Session

from portal.platform.problems import RateLimited
from portal.platform.web.application import Portal
from portal.platform.web.limits import Limits, LocalWindows
from tests.databases import Servers
from tests.factories.accounts import bearer, make_token


def full(limits: Limits, budget: str, who: str) -> int:
    """How many hits the budget takes."""
    hits = 0
    while hits < 50:
        try:
            limits.hit(budget, who)
        except RateLimited:
            return hits
        hits += 1
    return hits


def test_writes_are_counted_in_redis_and_so_over_processes(servers: Servers) -> None:
    one, other = (Limits(servers.redis_url, "9/minute", "5/hour", "3/hour") for _ in range(2))
    who = f"writer-{servers.worker}-{id(one)}"
    assert full(one, "write", who) == 5
    assert full(other, "write", who) == 0
    assert full(other, "write", f"{who}-2") == 5


def test_writes_are_counted_in_memory_while_redis_is_away() -> None:
    limits = Limits("redis://127.0.0.1:1", "9/minute", "5/hour", "3/hour")
    assert full(limits, "write", "w") == 5
    assert full(limits, "sign_in", "w") == 3


def test_a_full_window_says_when_the_next_begins() -> None:
    windows = LocalWindows(parse_many("2/minute"))
    with time_machine.travel(1_700_000_000, tick=False):  # 20 seconds into a minute
        windows.hit("a")
        windows.hit("a")
        windows.hit("b")
        with pytest.raises(RateLimited) as refusal:
            windows.hit("a")
    assert refusal.value.headers == {"Retry-After": "40"}
    with time_machine.travel(1_700_000_040, tick=False):
        windows.hit("a")


def test_the_answer_is_429_with_retry_after(app: Portal, client: FlaskClient, session: Session) -> None:
    token = make_token(session, "member")
    before, app.extensions["limits"] = (
        app.extensions["limits"],
        Limits("redis://127.0.0.1:1", "1/hour", "1/hour", "1/hour"),
    )
    try:
        answers = [client.get("/api/v1/loyalty/tiers", headers=bearer(token)) for _ in range(2)]
    finally:
        app.extensions["limits"] = before
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].get_json()["code"] == "rate_limited"
    assert int(answers[1].headers["Retry-After"]) > 0
