"""“Why?” beside each point change of the history, and of the console's table of a member's points."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import FAR, RULES, earn, make_member
from tests.factories.referrals import make_invite

HTMX = {"HX-Request": "true", "HX-Target": "sheet-body"}
WHY = re.compile(r'href="([^"]+)"[^>]*data-testid="why"')


@pytest.fixture
def ada(client: FlaskClient, session: Session) -> Member:
    """A member with two point changes and an invite, who is signed in."""
    user = make_user(session, id="ada")
    member = make_member(session, user)
    earn(session, member, 48, metadata={"order_reference": "A-1"}, at=clock.now() - timedelta(hours=1))
    ledger.adjust_points(
        session, member.id, -8, Act("t", clock.now(), "Returned"), rules=RULES, expires_at=None, metadata={}
    )
    make_invite(session, member)
    sign_in(client, user)
    return member


def entry_of(session: Session, member: Member) -> str:
    mine = select(LedgerEntry.id).where(LedgerEntry.member_id == member.id).order_by(LedgerEntry.seq)
    return ids.encode(session.scalars(mine).first() or ids.NO_ID)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("path", ["/account/loyalty", "/account/loyalty?types=ledger"])
def test_each_point_change_leads_to_its_explanation(client: FlaskClient, path: str) -> None:
    links = WHY.findall(client.get(path).text)
    assert len(links) == 2
    taken, earned = (client.get(link) for link in links)
    assert "48 points for order A-1. Good until 31 Dec 2099." in earned.text
    assert "8 points, taken away by the shop: “Returned”." in taken.text
    assert "They came from" in taken.text
    assert "8</span> of “Order A-1”" in taken.text
    assert "They came from" not in earned.text
    assert (earned.text.count("<h1"), earned.status_code) == (1, 200)


@pytest.mark.usefixtures("ada")
def test_only_point_changes_have_one(client: FlaskClient) -> None:
    assert WHY.findall(client.get("/account/loyalty?types=referral").text) == []


def test_in_the_dialog_it_is_a_part_of_a_page(client: FlaskClient, session: Session, ada: Member) -> None:
    part = client.get(f"/account/loyalty/points/{entry_of(session, ada)}", headers=HTMX)
    assert (part.status_code, part.text.count("<h1"), part.text.count('id="sheet-title"')) == (200, 0, 1)
    assert "<html" not in part.text
    assert "Accept-Language" in part.vary


def test_another_members_change_is_not_there_not_even_for_staff(
    client: FlaskClient, session: Session, ada: Member
) -> None:
    path = f"/account/loyalty/points/{entry_of(session, ada)}"
    sign_in(client, make_user(session, id="bea"))
    assert client.get(path).status_code == 404
    assert client.get(path, headers=HTMX).status_code == 404
    sign_in(client, make_user(session, id="olu", role="operator"))
    assert client.get(path).status_code == 404
    assert client.get("/account/loyalty/points/nonsense").status_code == 404


def test_numbers_and_days_are_the_readers(client: FlaskClient, session: Session) -> None:
    user = make_user(session, id="asha", locale="en-IN", timezone="Asia/Kolkata")
    member = make_member(session, user)
    earn(session, member, 1_234_567, expires_at=FAR)
    sign_in(client, user)
    page = client.get(f"/account/loyalty/points/{entry_of(session, member)}", headers={"Accept-Language": "en-US"})
    assert "12,34,567 points for an order. Good until 31 Dec 2099." in page.text


def test_operators_read_what_the_member_reads(client: FlaskClient, session: Session, ada: Member) -> None:
    sign_in(client, make_user(session, id="olu", role="operator"))
    links = WHY.findall(client.get("/admin/members/ada/ledger").text)
    assert len(links) == 2
    whole, part = client.get(links[0]), client.get(links[0], headers=HTMX)
    for answer in (whole, part):
        assert answer.status_code == 200
        assert "8 points, taken away by the shop: “Returned”." in answer.text
        assert "8</span> of “Order A-1”" in answer.text
        assert "Accept-Language" in answer.vary
    assert (whole.text.count("<h1"), part.text.count("<h1")) == (1, 0)
    make_member(session, make_user(session, id="bea"))
    theirs = links[0].replace("/ada/", "/bea/")
    assert client.get(theirs).status_code == 404
    sign_in(client, session.get_one(User, "ada"))
    assert client.get(links[0]).status_code == 404
