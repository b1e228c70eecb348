"""What people wrote stands beside the entry, where it can be erased; the portal's own words are made when read."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import LedgerEntry, LedgerText
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.redemptions.lifecycle import HoldRules, Wish, fulfill_redemption, reserve_points
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member
from tests.factories.referrals import complete, make_invite

BASE = "/api/v1/loyalty"
HOLDS = HoldRules(timedelta(days=30))
ERASE = text("DELETE FROM loyalty_ledger_texts")


def listed(client: FlaskClient, session: Session, member: Member, query: str = "") -> list[dict[str, Any]]:
    headers = bearer(make_token(session, "member"), member.user_id)
    answer = client.get(f"{BASE}/ledger{query}", headers=headers).json
    assert answer is not None
    return list(answer["entries"])


def adjust(client: FlaskClient, session: Session, member: Member, **body: Any) -> dict[str, Any]:
    path, headers = f"{BASE}/members/{member.user_id}/adjustments", bearer(make_token(session, "admin"))
    answer = client.post(path, json={"points": 40, "reason": "Late parcel", **body}, headers=headers)
    assert (answer.status_code, answer.is_json) == (201, True)
    return dict(answer.json or {})


def spend(session: Session, member: Member, wish: Wish) -> None:
    act = Act("t", clock.now())
    redemption = reserve_points(session, member.user_id, wish, act, rules=HOLDS)
    fulfill_redemption(session, redemption.id, act)


def test_the_portals_own_words_are_made_from_what_the_entry_says(client: FlaskClient, session: Session) -> None:
    member, friend, now = make_member(session), make_member(session), clock.now()
    complete(session, make_invite(session, member).code, friend.user_id)
    earn(session, member, 10, metadata={"order_reference": "A-1"})
    earn(session, member, 10, expires_at=now - timedelta(days=1))
    ledger.expire_scheduled_points(session, now)
    ledger.grant_weekly_streak_bonuses(session, now, points=25, rules=RULES)

    found, theirs = ([entry["description"] for entry in listed(client, session, one)] for one in (member, friend))

    assert found == ["Weekly streak bonus", "Points expired", "Order", "Order A-1", "Referral conversion bonus"]
    assert theirs == ["Weekly streak bonus", "Referral welcome bonus"]
    assert session.scalars(select(LedgerText)).all() == []


@pytest.mark.parametrize("metadata", [{}, {"case": "A-7", "deep": {"list": [1, None, "ü"]}}])
def test_what_was_typed_with_an_adjustment_is_kept_beside_it(
    client: FlaskClient, session: Session, metadata: dict[str, Any]
) -> None:
    member = make_member(session)
    made = adjust(client, session, member, metadata=metadata)
    assert (made["description"], made["metadata"]) == ("Late parcel", metadata)
    assert listed(client, session, member) == [made] == listed(client, session, member, "?types=adjustment")
    beside = session.scalars(select(LedgerText)).one()
    assert (beside.description, beside.text_metadata) == ("Late parcel", metadata)
    assert session.scalars(select(LedgerEntry.entry_metadata)).all() == [{}]


def test_what_a_redemption_was_for_is_kept_beside_it(client: FlaskClient, session: Session) -> None:
    member = make_member(session, points=100)
    spend(session, member, Wish(points=40, description="Seat for Ada"))
    entry = listed(client, session, member)[0]
    beside = session.scalars(select(LedgerText)).one()
    assert entry["description"] == beside.description == "Seat for Ada"
    assert list(entry["metadata"]) == ["redemption_id"]
    assert beside.text_metadata == {}


def test_texts_can_be_changed_and_erased_and_the_ledger_stays(client: FlaskClient, session: Session) -> None:
    member = make_member(session, make_user(session, id="ada"))
    adjust(client, session, member, metadata={"case": "A-7"})
    spend(session, member, Wish(points=40, description="Seat for Ada"))
    session.execute(text("UPDATE loyalty_ledger_texts SET description = 'Seat' WHERE description LIKE '%Ada'"))
    assert listed(client, session, member)[0]["description"] == "Seat"
    before = session.execute(text("SELECT CAST(e AS text) FROM loyalty_ledger_entries e ORDER BY seq")).all()

    session.execute(ERASE)

    assert session.execute(text("SELECT CAST(e AS text) FROM loyalty_ledger_entries e ORDER BY seq")).all() == before
    spent, adjusted = listed(client, session, member)
    assert (spent["description"], adjusted["description"]) == ("Redemption", "Adjustment")
    assert (list(spent["metadata"]), adjusted["metadata"]) == (["redemption_id"], {})
    assert find_differences(session) == []


def test_pages_still_tell_an_entry_whose_texts_are_erased(client: FlaskClient, session: Session) -> None:
    member = make_member(session, make_user(session, id="ada"))
    adjust(client, session, member)
    earn(session, member, 10)
    spend(session, member, Wish(points=45, description="Seat for Ada"))
    session.execute(ERASE)
    sign_in(client, make_user(session, id="olu", role="operator"))

    page = client.get("/admin/members/ada/ledger").text

    assert "40 points came in by an adjustment: “Adjustment”; " in page
    assert "45 points were spent on “Redemption”: " in page
    assert "of “Adjustment” from" in page
    assert "Ada" not in client.get("/admin/members/ada/ledger?format=csv").text
    assert ",Redemption," in client.get("/admin/exports/ledger").text
    assert "Redemption" in client.get("/admin/members/ada").text


def test_a_posting_that_was_posted_before_says_what_it_said(session: Session) -> None:
    member = make_member(session)
    first, again = (
        earn(session, member, 5, external_id="A-1", texts=ledger.Texts(said, {"n": n})).entries[0]
        for n, said in enumerate(("Parcel", "Another parcel"))
    )
    assert (first.description, first.metadata) == ("Parcel", {"n": 0}) == (again.description, again.metadata)
    assert (first.created, again.created) == (True, False)


def test_the_entrys_own_facts_come_before_what_stands_beside_it(session: Session) -> None:
    member, beside = make_member(session), ledger.Texts("Parcel", {"order_reference": "typed", "gift": True})
    entry = earn(session, member, 5, metadata={"order_reference": "A-1"}, texts=beside).entries[0]
    assert entry.metadata == {"order_reference": "A-1", "gift": True}
