"""Adjusting by the API: what operators note for themselves, and whether added points count towards tiers."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.accounts.models import User
from portal.ledger.models import LedgerEntry, LedgerText, StreakWeek
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform.models import AuditEntry
from portal.tiers.models import Tier
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import make_member, make_tier

BASE = "/api/v1/loyalty"
NOTE = "Third time, watch this one"


@pytest.fixture
def ada(session: Session) -> Member:
    """A member with 100 points, in bronze; silver begins at 130."""
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", 130)
    return make_member(session, make_user(session, id="ada"), points=100)


def adjust(client: FlaskClient, session: Session, **body: Any) -> TestResponse:
    headers = bearer(make_token(session, "admin"))
    return client.post(f"{BASE}/members/ada/adjustments", json={"reason": "Late parcel", **body}, headers=headers)


@pytest.mark.parametrize(
    ("points", "counts", "earned", "tier"),
    [
        (40, None, 140, "silver"),
        (40, True, 140, "silver"),
        (40, False, 100, "bronze"),
        (-40, None, 100, "bronze"),
        (-40, True, 100, "bronze"),
        (-40, False, 100, "bronze"),
    ],
)
def test_added_points_count_towards_tiers_unless_they_are_left_out(
    client: FlaskClient, session: Session, ada: Member, points: int, counts: bool | None, earned: int, tier: str
) -> None:
    given = {} if counts is None else {"countsTowardsTiers": counts}
    assert adjust(client, session, points=points, **given).status_code == 201
    session.expire_all()
    assert (ada.balance, ada.lifetime_earned) == (100 + points, earned)
    assert session.get_one(Tier, ada.tier_id).slug == tier
    entry = session.scalars(select(LedgerEntry).where(LedgerEntry.entry_type == "adjustment")).one()
    assert entry.qualifying == earned - 100
    audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "points.adjust")).one()
    assert (audited.after or {})["countsTowardsTiers"] is (earned > 100)
    assert find_differences(session) == []


def test_points_left_out_of_tiers_qualify_the_week_all_the_same(client: FlaskClient, session: Session) -> None:
    make_user(session, id="ada")
    assert adjust(client, session, points=5, countsTowardsTiers=False).status_code == 201
    assert len(session.scalars(select(StreakWeek)).all()) == 1


def test_a_note_is_kept_and_audited_and_shown_to_operators_alone(
    client: FlaskClient, session: Session, ada: Member
) -> None:
    made = adjust(client, session, points=40, note=NOTE, metadata={"case": "A-7"})
    assert made.status_code == 201
    assert session.scalars(select(LedgerText.note)).all() == [NOTE]
    audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "points.adjust")).one()
    assert (audited.reason, (audited.after or {})["note"]) == ("Late parcel", NOTE)
    reads = bearer(make_token(session, "member"), "ada")
    answers = [made, *(client.get(f"{BASE}/{path}", headers=reads) for path in ("ledger", "members/ada"))]
    sign_in(client, session.get_one(User, "ada"))
    answers += [client.get(path) for path in ("/account/loyalty", "/app/api/loyalty/timeline")]
    sign_in(client, make_user(session, id="olu", role="operator"))
    pages = [client.get(f"/admin/members/ada/ledger{query}") for query in ("", "?format=csv")]
    assert [(answer.status_code, NOTE in answer.text) for answer in answers] == [(201, False), *[(200, False)] * 4]
    assert [NOTE in page.text for page in pages] == [True, True]


@pytest.mark.parametrize(
    "body",
    [
        {"note": ""},
        {"note": " "},
        {"note": "x" * 501},
        {"note": "a\x00b"},
        {"note": 7},
        {"countsTowardsTiers": None},
        {"countsTowardsTiers": "yes"},
        {"countsTowardsTiers": 1},
    ],
)
def test_what_is_no_note_and_no_yes_or_no_is_refused(
    client: FlaskClient, session: Session, ada: Member, body: dict[str, Any]
) -> None:
    answer = adjust(client, session, points=5, **body)
    assert (answer.status_code, (answer.json or {})["code"]) == (422, "validation_failed")
    session.expire_all()
    assert ada.balance == 100
