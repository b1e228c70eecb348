"""Refunds in parts, as an order's refunds make them, and by operators in the console."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import redemptions
from portal.accounts.models import User
from portal.ledger import Shortfall
from portal.ledger.models import LedgerText
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import AuditEntry
from portal.redemptions import Redemption, RestoreRules
from portal.rewards.models import Reward
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, request_reward

RULES = RestoreRules(timedelta(days=30), Shortfall.OWE)


def act(reason: str = "Sent back") -> Act:
    return Act("t", clock.now(), reason)


def fulfilled(session: Session, *, cost: int = 100, inventory: int | None = None) -> tuple[Member, Redemption]:
    """Ada, with nothing left, and what she had for her points."""
    make_reward(session, "mug", cost, name="Mug", inventory=inventory)
    ada = make_member(session, make_user(session, id="ada", name="Ada"), points=cost)
    redemption = request_reward(session, ada, "mug")
    redemptions.fulfill_redemption(session, redemption.id, act())
    return ada, redemption


def state(session: Session, member: Member, redemption: Redemption) -> tuple[str, int, int, int]:
    """Its status, what is back of it, the member's balance, and what is taken of the reward."""
    session.flush()
    session.expire_all()
    assert find_differences(session) == []
    taken = session.scalars(select(Reward.taken)).one()
    return redemption.status, redemption.restored, member.balance, taken


def test_it_comes_back_in_parts_and_is_refunded_with_the_last(session: Session) -> None:
    """33, 66 and 100 of 100 points, as three units that are refunded one by one (example L)."""
    ada, mug = fulfilled(session)
    for part, back in ((33, 33), (33, 66)):
        redemptions.restore_part(session, mug, part, act(), RULES, {"order_reference": "A-1"})
        assert state(session, ada, mug) == ("fulfilled", back, back, 1)
    redemptions.restore_part(session, mug, 34, act(), RULES, {"order_reference": "A-1"})
    assert state(session, ada, mug) == ("refunded", 100, 100, 0)


def test_by_hand_comes_what_is_not_back_yet(session: Session) -> None:
    ada, mug = fulfilled(session)
    redemptions.restore_part(session, mug, 33, act(), RULES)
    redemptions.refund_redemption(session, mug.id, act(), RULES)
    assert state(session, ada, mug) == ("refunded", 100, 100, 0)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "redemption.refunded")).one()
    assert (entry.before, entry.after) == (
        {"status": "fulfilled", "restored": 33},
        {"status": "refunded", "restored": 100},
    )
    assert session.scalars(select(LedgerText.note).where(LedgerText.note.is_not(None))).all() == ["Sent back"] * 2


@pytest.mark.parametrize("inventory", [None, 1, 5])
def test_a_refund_that_was_deleted_makes_it_stand_again(session: Session, inventory: int | None) -> None:
    ada, mug = fulfilled(session, inventory=inventory)
    closed = mug.closed_at
    redemptions.restore_part(session, mug, 100, act(), RULES)
    bob = make_member(session, make_user(session, id="bob"), points=100)
    request_reward(session, bob, "mug")
    redemptions.retake_part(session, mug, 40, act(), RULES, {"order_reference": "A-1"})
    assert state(session, ada, mug) == ("fulfilled", 60, 60, 2)
    assert mug.closed_at == closed
    redemptions.restore_part(session, mug, 40, act(), RULES)
    assert state(session, ada, mug) == ("refunded", 100, 100, 1)


def test_what_is_gone_of_it_is_owed(session: Session) -> None:
    ada, mug = fulfilled(session)
    redemptions.restore_part(session, mug, 100, act(), RULES)
    request_reward(session, ada, "mug")
    redemptions.retake_part(session, mug, 30, act(), RULES)
    assert state(session, ada, mug) == ("fulfilled", 70, 100, 2)
    assert (ada.owed, ada.held) == (30, 100)


@pytest.mark.parametrize("points", [0, -1, 101])
def test_no_more_than_all_is_given_back_or_taken(session: Session, points: int) -> None:
    _, mug = fulfilled(session)
    with pytest.raises(ValueError, match="where 100"):
        redemptions.restore_part(session, mug, points, act(), RULES)
    with pytest.raises(ValueError, match="where 0"):
        redemptions.retake_part(session, mug, points or 1, act(), RULES)


def test_the_plan_tells_points_and_dates(session: Session) -> None:
    _, mug = fulfilled(session)
    (lot,) = redemptions.plan_part(session, mug, 40, clock.now(), RULES)
    assert (lot.points, lot.extended) == (40, False)


def test_forged_parts_are_found(session: Session) -> None:
    _, mug = fulfilled(session)
    redemptions.restore_part(session, mug, 40, act(), RULES)
    session.execute(text("UPDATE loyalty_redemptions SET restored = 41"))
    assert {each["check"] for each in find_differences(session)} == {"redemption_restored"}


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def test_an_operator_sees_what_would_come_back_and_refunds_it_once(operator: FlaskClient, session: Session) -> None:
    ada, mug = fulfilled(session)
    redemptions.restore_part(session, mug, 33, act(), RULES)
    page = f"/admin/redemptions/{ids.encode(mug.id)}"
    assert f"{page}/refund" in operator.get(page).text
    asked = operator.get(f"{page}/refund").text
    assert "The balance goes from 33 to 100 and the item returns to stock: 67 until " in asked
    assert "33 of 100 are back already." in asked
    form = {"csrf_token": csrf(operator), "idempotency_key": "once", "reason": " "}
    assert operator.post(f"{page}/refund", data=form).status_code == 422
    assert operator.post(f"{page}/refund", data={**form, "reason": "Broken"}).status_code == 303
    assert state(session, ada, mug) == ("refunded", 100, 100, 0)
    shown = operator.get(page).text
    assert "Given back" in shown
    assert f"{page}/refund" not in shown
    again = operator.post(f"{page}/refund", data={**form, "reason": "Again", "idempotency_key": "twice"})
    assert again.status_code == 409
    assert "All of its points are back." in again.text


def test_the_member_reads_that_their_points_are_back(client: FlaskClient, session: Session) -> None:
    ada, mug = fulfilled(session)
    redemptions.refund_redemption(session, mug.id, act(), RULES)
    sign_in(client, session.get_one(User, ada.user_id))
    timeline = client.get("/app/api/loyalty/timeline", headers={"Accept": "application/json"}).json or {}
    titles = [(item["title"], item["detail"], item["status"], item["points"]) for item in timeline["items"]]
    assert titles[0] == ("Points corrected", "Mug", None, 100)
    assert ("You asked for Mug", "The shop took it back. Your 100 points are back.", "refunded", 100) in titles
