"""Members whom a change of the tiers puts higher are moved by a worker, in batches, once."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.tiers import requalify
from portal.tiers.models import Requalification, TierChange
from portal.tiers.qualification import put_tier
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_tier

SILVER = {"name": "Silver", "threshold": 50}


def tiers_of(session: Session) -> dict[str, int]:
    """How many members hold each tier; `None` for none."""
    rows = session.execute(
        text("""
        SELECT coalesce(t.slug, 'none'), count(*) FROM loyalty_members m
        LEFT JOIN loyalty_tiers t ON t.id = m.tier_id GROUP BY 1
    """)
    )
    return {row[0]: row[1] for row in rows}


def member_tier(client: FlaskClient, headers: dict[str, str], user_id: str) -> tuple[str, int]:
    """The tier that the API shows, and what is left to the next."""
    shown = client.get(f"/api/v1/loyalty/members/{user_id}", headers=headers).get_json()
    return shown["tier"]["slug"], shown["progress"]["pointsToNext"]


@pytest.fixture
def crowd(session: Session) -> list[Member]:
    """Seven members of the first tier, six of them with 60 points."""
    make_tier(session, "base", 0)
    return [make_member(session, points=60 if number else 0) for number in range(7)]


def test_the_request_moves_nobody_and_the_worker_everybody(
    client: FlaskClient, session: Session, crowd: list[Member]
) -> None:
    headers = bearer(make_token(session, "admin"))
    answer = client.put("/api/v1/loyalty/tiers/silver", json=SILVER, headers=headers)
    assert answer.status_code == 201
    assert member_tier(client, headers, crowd[1].user_id) == ("base", 0)
    outbox.deliver()
    assert member_tier(client, headers, crowd[1].user_id) == ("silver", 0)
    assert member_tier(client, headers, crowd[0].user_id) == ("base", 50)
    assert find_differences(session) == []


def test_who_earns_meanwhile_is_judged_by_the_newest_definition(session: Session, crowd: list[Member]) -> None:
    put_tier(session, "silver", dict(SILVER), Act("test", clock.now()))
    put_tier(session, "gold", {"name": "Gold", "threshold": 61}, Act("test", clock.now()))
    earn(session, crowd[1], 1)
    assert tiers_of(session) == {"base": 6, "gold": 1}
    outbox.deliver()
    assert tiers_of(session) == {"base": 1, "silver": 5, "gold": 1}


@pytest.mark.parametrize("change", [{"threshold": 5000}, {"active": False}, {"name": "Sterling"}])
def test_nobody_falls_by_a_change(session: Session, crowd: list[Member], change: dict[str, object]) -> None:
    make_tier(session, "silver", 50)
    put_tier(session, "silver", change, Act("test", clock.now()))
    outbox.deliver()
    assert tiers_of(session) == {"base": 1, "silver": 6}
    assert session.scalars(select(Requalification.finished_at)).all()[-1] is not None


def test_batches_are_bounded_and_only_touch_who_rises(session: Session, crowd: list[Member]) -> None:
    put_tier(session, "silver", dict(SILVER), Act("test", clock.now()))
    assert [requalify.move_some(session, clock.now(), 4) for _ in range(3)] == [(4, 4), (2, 2), (0, 0)]


def test_each_upgrade_is_recorded_and_announced_once_however_often_the_job_runs(
    session: Session, crowd: list[Member]
) -> None:
    before = len(session.scalars(select(TierChange)).all())
    put_tier(session, "silver", dict(SILVER), Act("test", clock.now()))
    requalify.move_some(session, clock.now(), 2)  # by a worker that was killed then
    for _ in range(3):
        outbox.deliver()
    assert len(session.scalars(select(TierChange)).all()) - before == 6
    sent = "SELECT count(*), count(DISTINCT payload ->> 'member_id') FROM outbox WHERE topic = 'tier_upgraded'"
    assert tuple(session.execute(text(sent)).one()) == (6, 6)


def test_the_console_shows_how_far_it_is(
    client: FlaskClient, session: Session, crowd: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, make_user(session, role="admin"))
    put_tier(session, "silver", dict(SILVER), Act("test", clock.now()))
    assert 'data-moved="0"' in client.get("/admin/programme/tiers").text
    monkeypatch.setattr(requalify, "BATCH", 4)
    monkeypatch.setattr(requalify, "SLICE_SECONDS", -1)
    message = outbox.claim(session)[0]
    with pytest.raises(outbox.Postponed):
        requalify.requalify(message)
    assert "Members are moving up: 4 so far, of about 6." in " ".join(client.get("/admin/programme/tiers").text.split())
    with pytest.raises(outbox.Postponed):
        requalify.requalify(message)
    requalify.requalify(message)
    assert 'data-testid="moving"' not in client.get("/admin/programme/tiers").text


def test_two_workers_and_two_definitions_at_once_move_everybody_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_tier(session, "base", 0)
        for number in range(40):
            make_member(session, points=40 + number)

    def work(number: int) -> None:
        if number < 2:
            with unit_of_work() as session:
                put_tier(
                    session, f"tier-{number}", {"name": "T", "threshold": 50 + 10 * number}, Act("test", clock.now())
                )
        outbox.deliver()

    at_once(committed_app, 4, work)
    with committed_app.app_context():
        outbox.deliver()
        with unit_of_work() as session:
            assert tiers_of(session) == {"base": 10, "tier-0": 10, "tier-1": 20}
            assert find_differences(session) == []
            assert {row.finished_at is None for row in session.scalars(select(Requalification))} == {False}
