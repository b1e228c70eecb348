"""Filters are set by what people know: a name out of a list, or somebody's name, address or id."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.notifications.models import Message
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, make_tier, request_reward
from tests.factories.referrals import make_invite

ROW = 'data-testid="row"'
NAMED = ["Ada Lovelace", "lovelace", "LOVE ad", "ada@shop.example", "ADA@Shop.Example", "ada-1", "ADACODE"]
PEOPLE = {
    "/admin/redemptions": "member",
    "/admin/messages": "member",
    "/admin/messages/preview": "member",
    "/admin/referrals": "find",
    "/admin/audit": "object_id",
    "/admin/access/sign-ins": "user",
}


def make_things(session: Session, member: Member) -> None:
    """A request, a message, an invite and an act, of a member."""
    request_reward(session, member, "mug")
    make_invite(session, member)
    now, made = clock.now(), ids.new_id()
    message = Message(
        id=made,
        dedupe_key=ids.encode(made),
        kind="tier_upgrade",
        channel="email",
        backend="preview",
        user_id=member.user_id,
        status="sent",
        recipient="x@example.com",
        created_at=now,
        updated_at=now,
        sent_at=now,
    )
    session.add(message)
    audit.record(session, Act("cli", now), action="user.put", object_type="user", object_id=member.user_id)
    audit.record(
        session, Act("cli", now), action="member.suspend", object_type="member", object_id=ids.encode(member.id)
    )


@pytest.fixture
def admin(session: Session, client: FlaskClient) -> FlaskClient:
    """A client of an admin named Olu, with the things of two members, of whom one works here."""
    make_tier(session, "bronze", 0, name="Bronze circle")
    make_reward(session, "mug", 10, name="Mug & saucer")
    ada = make_user(session, id="ada-1", name="Ada Lovelace", email="ada@shop.example", role="operator")
    bob = make_user(session, id="bob-1", name="Bob Babbage", email="bob@shop.example")
    for user, code in ((ada, "ADACODE"), (bob, "BOBCODE")):
        member = make_member(session, user, points=100)
        member.referral_code = code
        make_things(session, member)
    sign_in(client.application.test_client(), ada)
    audit.record(session, Act("user:ada-1", clock.now()), action="tier.put", object_type="tier", object_id="bronze")
    audit.record(session, Act("token:shop", clock.now()), action="tier.put", object_type="tier", object_id="bronze")
    sign_in(client, make_user(session, id="olu", name="Olu", role="admin"))
    session.flush()
    return client


@pytest.mark.parametrize("wanted", NAMED)
@pytest.mark.parametrize("path", PEOPLE)
def test_rows_of_a_person_are_found_by_name_address_id_and_code(admin: FlaskClient, path: str, wanted: str) -> None:
    every = admin.get(path).text.count(ROW)
    page = admin.get(path, query_string={PEOPLE[path]: wanted}).text

    assert 0 < page.count(ROW) < every
    assert page.count(ROW) == admin.get(path, query_string={PEOPLE[path]: "ada-1"}).text.count(ROW)
    assert f'value="{wanted}"' in page
    assert "bob-1" not in page


@pytest.mark.parametrize("wanted", ["nobody", "'", "\\", ":*", "(", "%", "x" * 200])
@pytest.mark.parametrize("path", PEOPLE)
def test_nobody_is_found_by_what_names_nobody(admin: FlaskClient, path: str, wanted: str) -> None:
    answer = admin.get(path, query_string={PEOPLE[path]: wanted})
    assert (answer.status_code, answer.text.count(ROW)) == (200, 0)


@pytest.mark.parametrize(
    ("wanted", "rows"), [("lovelace", 1), ("user:ada-1", 1), ("shop", 1), ("token:shop", 1), ("cli", 4), ("olu", 0)]
)
def test_the_log_is_searched_by_who_did_it(admin: FlaskClient, wanted: str, rows: int) -> None:
    assert admin.get("/admin/audit", query_string={"actor": wanted}).text.count(ROW) == rows


@pytest.mark.parametrize(
    ("path", "value", "label"),
    [
        ("/admin/members", "bronze", "Bronze circle"),
        ("/admin/redemptions", "mug", "Mug &amp; saucer"),
        ("/admin/operations/runs", "nightly_purge", "Nightly purge"),
        ("/admin/operations/outbox", "message.password_reset", "Message: password reset"),
        ("/admin/operations/failed", "message.password_reset", "Message: password reset"),
        ("/admin/audit", "tier.put", "Tier: put"),
        ("/admin/audit", "member", "Member"),
    ],
)
def test_what_the_programme_names_is_chosen_by_its_name(admin: FlaskClient, path: str, value: str, label: str) -> None:
    options = dict(re.findall(r'<option value="([^"]+)"\s*(?:selected)?\s*>([^<]+)</option>', admin.get(path).text))
    assert options.get(value) == label


def test_campaigns_are_chosen_by_name(admin: FlaskClient) -> None:
    page = admin.get("/admin/messages/nudges").text
    assert re.search(r'<select[^>]+name="campaign"', page)


@pytest.mark.parametrize("path", ["/admin/members?tier=", "/admin/redemptions?reward=", "/admin/operations/runs?job="])
def test_what_has_gone_since_matches_nothing_and_stays_chosen(admin: FlaskClient, path: str) -> None:
    answer = admin.get(f"{path}gone-since")
    assert (answer.status_code, answer.text.count(ROW)) == (200, 0)
    assert re.search(r'<option value="gone-since"\s+selected', answer.text)
