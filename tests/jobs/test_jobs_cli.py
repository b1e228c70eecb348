"""`flask jobs`: list and run."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.jobs.models import JobRun
from portal.members.models import Member
from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from tests.factories.loyalty import earn, make_member, make_tier


def run(app: Portal, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["jobs", *arguments])
    return result.exit_code, result.output


def test_every_job_is_listed_with_its_schedule(committed_app: Portal) -> None:
    code, text = run(committed_app, "list")
    assert code == 0
    assert [line.split()[:2] for line in text.splitlines()] == [
        ["loyalty_progression", "run_loyalty_progression"],
        ["loyalty_nudge_aggregation", "aggregate_loyalty_nudges"],
        ["loyalty_analytics_snapshot", "capture_loyalty_analytics_snapshot"],
        ["nightly_purge", "purge_old_records"],
        ["ledger_verification", "verify_ledger_nightly"],
    ]


def test_a_job_runs_now_as_of_a_time_and_prints_its_figures_alone(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_tier(session, "silver", 120)
        member = make_member(session)
        earn(session, member, 100, expires_at=clock.now() + timedelta(days=300))
    when = (clock.now() + timedelta(days=301)).isoformat()
    code, text = run(committed_app, "run", "loyalty_progression", "--at", when)
    assert code == 0
    figures = json.loads(text)
    assert figures["expired_points"] == {"entries": 1, "points": 100, "members": 1}
    assert figures["streak_bonuses"] == {"entries": 1, "points": 25, "members": 1}
    assert (
        json.loads(run(committed_app, "run", "loyalty_progression", "--at", when)[1])["expired_points"]["entries"] == 0
    )
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalars(select(Member.balance)).one() == 25
        kept = session.scalars(select(JobRun)).all()
        assert [(row.by_hand, row.status) for row in kept] == [(True, "succeeded")] * 2
        assert all(row.started_at < clock.now() for row in kept)
        message = session.scalars(select(OutboxMessage)).one()
        assert message.next_attempt_at <= clock.now(), "what it asks for is not put off to that time"
        assert len(outbox.claim(session)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nonsense"], "There is no job nonsense"), (["nightly_purge", "--at", "tomorrow"], "is not an RFC 3339 time")],
)
def test_what_cannot_be_run_is_refused_with_words(committed_app: Portal, arguments: list[str], words: str) -> None:
    code, text = run(committed_app, "run", *arguments)
    assert code != 0
    assert words in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("2026-11-28T12:00:00+16:00", 0),
        ("2026-11-28T12:00:00-23:59", 0),
        ("2026-11-28T12:00:00", 0),
        ("2026-11-28T12:00:00+24:00", 2),
        ("9999-12-31T23:59:59-23:59", 2),
        ("0001-01-01T00:00:00", 2),
    ],
)
def test_a_job_runs_as_of_a_time_in_any_offset(committed_app: Portal, given: str, code: int) -> None:
    assert run(committed_app, "run", "nightly_purge", "--at", given)[0] == code
