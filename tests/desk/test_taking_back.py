"""Operators take a credit of a member back in two steps: they see what it does, and say how much and why."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import AuditEntry
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member, make_tier

PAGE = "/admin/members/ada/ledger"
TITLE = "Take these points back?"


@pytest.fixture
def ada(session: Session) -> Member:
    """A member with 50 points, and 100,000 that were mistyped, which made her Platinum."""
    make_tier(session, "bronze", 0)
    make_tier(session, "platinum", 100_000)
    ada = make_member(session, make_user(session, id="ada"), points=50)
    act = Act("t", clock.now(), "Typo")
    ledger.adjust_points(session, ada.id, 100_000, act, rules=RULES, expires_at=None, metadata={})
    return ada


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def path(session: Session, **which: Any) -> str:
    entry_id = session.scalars(select(LedgerEntry.id).filter_by(**which)).one()
    return f"{PAGE}/{ids.encode(entry_id)}/take-back"


def post(client: FlaskClient, at: str, **fields: str) -> Any:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(at, data={"reason": "Typo", "description": "Corrected", "points": "100,000", **form})


def test_they_see_what_it_does_and_it_is_done(operator: FlaskClient, session: Session, ada: Member) -> None:
    at = path(session, amount=100_000)
    assert at in operator.get(PAGE).text
    asked = operator.get(at).text
    assert TITLE in asked
    assert (
        "All 100,000 that are left: Balance 100,050 → 50, points for tiers 100,050 → 50. "
        "That is less than the 100,000 that Platinum takes."
    ) in asked
    assert 'value="100000"' in asked
    assert post(operator, at).status_code == 303
    session.expire_all()
    assert (ada.balance, ada.lifetime_earned) == (50, 50)
    shown = operator.get(PAGE).text
    assert at not in shown
    assert "Corrected" in shown
    assert session.scalars(select(AuditEntry.reason).where(AuditEntry.action == "points.reverse")).all() == ["Typo"]


def test_a_part_leaves_the_rest_to_be_taken(operator: FlaskClient, session: Session, ada: Member) -> None:
    at = path(session, amount=100_000)
    assert post(operator, at, points="99,000").status_code == 303
    assert at in operator.get(PAGE).text
    asked = operator.get(at).text
    assert "All 1,000 that are left: Balance 1,050 → 50" in asked
    refused = post(operator, at, points="1,001")
    assert refused.status_code == 409
    assert "Only 1,000 of its points are left to take back." in refused.text
    assert post(operator, at, points="1000").status_code == 303
    assert "All of it was taken back already." in operator.get(at).text
    assert post(operator, at, points="1").status_code == 409


def test_a_debt_is_told_before(operator: FlaskClient, session: Session, ada: Member) -> None:
    act = Act("t", clock.now(), "Spent")
    ledger.adjust_points(session, ada.id, -100_000, act, rules=RULES, expires_at=None, metadata={})
    asked = operator.get(path(session, amount=100_000)).text
    assert "Balance 50 → 0, points for tiers 100,050 → 50. They will owe 99,950." in asked


@pytest.mark.parametrize(
    "fields",
    [{"points": ""}, {"points": "0"}, {"points": "-5"}, {"points": "1e3"}, {"reason": " "}, {"description": " "}],
)
def test_bad_input_is_asked_for_again(
    operator: FlaskClient, session: Session, ada: Member, fields: dict[str, str]
) -> None:
    answer = post(operator, path(session, amount=100_000), **fields)
    assert answer.status_code == 422
    assert TITLE in answer.text
    assert session.get_one(Member, ada.id, populate_existing=True).balance == 100_050


def test_only_theirs_and_only_credits(operator: FlaskClient, session: Session, ada: Member) -> None:
    bob = make_member(session, make_user(session, id="bob"))
    act = Act("t", clock.now(), "Goodwill")
    ledger.adjust_points(session, bob.id, 5, act, rules=RULES, expires_at=None, metadata={})
    earn(session, ada, 7)
    other = ids.encode(session.scalars(select(LedgerEntry.id).where(LedgerEntry.member_id == bob.id)).one())
    assert operator.get(f"{PAGE}/{other}/take-back").status_code == 404
    assert operator.get(f"{PAGE}/{'0' * 26}/take-back").status_code == 404
    at = path(session, amount=7)
    assert at not in operator.get(PAGE).text
    assert operator.get(at).status_code == 409
