"""/r/{code}, and what a registration makes of it (CONTRACT rule 13)."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import db
from portal.platform.web.application import Portal
from portal.referrals.converting.eligibility import Order
from portal.referrals.models import ReferralActivity, ReferralInvite
from portal.referrals.problems import AlreadyReferred
from portal.referrals.standing import cancel_invite, expire_invites
from tests.factories.accounts import csrf, follow_link, make_user, sign_in
from tests.factories.loyalty import RULES, make_member
from tests.factories.referrals import DAY, complete, make_invite

PASSWORD = "correct horse battery staple"


def inviting(session: Session, name: str = "Ada Lovelace") -> Member:
    return make_member(session, make_user(session, name=name))


def register(client: FlaskClient, email: str = "grace@example.org") -> None:
    """Register, and confirm the address by the mailed link."""
    form = {"csrf_token": csrf(client), "name": "Grace Hopper", "email": email, "password": PASSWORD}
    assert client.post("/register", data=form).location == "/register/sent"
    assert follow_link(client, db.session(), email).location == "/account/loyalty"


def attributed(session: Session, email: str = "grace@example.org") -> list[ReferralInvite]:
    mine = select(ReferralInvite).join(User, User.id == ReferralInvite.attributed_user_id).where(User.email == email)
    return list(session.scalars(mine))


@pytest.fixture
def at_registration(app: Portal) -> Iterator[None]:
    before = app.config["SETTINGS"]
    changed = {"referral_convert_at_registration": True, "referral_holding_days": 14}
    app.config["SETTINGS"] = before.model_copy(update=changed)
    yield
    app.config["SETTINGS"] = before


def test_the_page_says_who_invites_and_what_both_get(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session))
    answer = client.get(f"/r/{invite.code}")
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "Ada invites you" in page
    assert "Lovelace" not in page
    assert "500" in page
    assert "100" in page
    cookie = client.get_cookie("referral")
    assert cookie is not None
    assert cookie.http_only
    assert invite.code not in client.get("/register").headers.get("Set-Cookie", "")
    assert "Ada invited you" in client.get("/register").get_data(as_text=True)


@pytest.mark.parametrize("spelling", ["{} ", "{}", "{}-"])
def test_a_code_is_found_however_it_was_typed(client: FlaskClient, session: Session, spelling: str) -> None:
    invite = make_invite(session, inviting(session))
    assert client.get(f"/r/{spelling.format(invite.code.lower())}").status_code == 200


def test_unknown_and_closed_codes_get_a_kind_page_and_no_cookie(client: FlaskClient, session: Session) -> None:
    member = inviting(session)
    cancelled, converted = make_invite(session, member), make_invite(session, member)
    expired = make_invite(session, member, at=clock.now() - 90 * DAY)
    cancel_invite(session, cancelled.id, Act("user:x", clock.now()))
    complete(session, converted.code, make_user(session).id)
    expected = [
        ("NOSUCHCDE", 404, "don’t know this invite"),
        (cancelled.code, 410, "taken back"),
        (expired.code, 410, "run out"),
        (converted.code, 410, "been used"),
    ]
    for code, status, words in expected:
        answer = client.get(f"/r/{code}")
        assert answer.status_code == status
        page = answer.get_data(as_text=True)
        assert words in page
        assert "Join for free" in page
    assert client.get_cookie("referral") is None


def test_a_registration_is_bound_to_the_invite_and_renews_it(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session), at=clock.now() - 80 * DAY)
    client.get(f"/r/{invite.code}")
    register(client)
    bound = attributed(session)
    assert [found.id for found in bound] == [invite.id]
    assert bound[0].status == "sent"
    assert bound[0].expires_at > clock.now() + 80 * DAY
    assert client.get_cookie("referral") is None
    assert session.scalar(select(LedgerEntry.id)) is None


def test_nothing_is_bound_before_the_friend_confirms_their_address(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session))
    client.get(f"/r/{invite.code}")
    form = {"csrf_token": csrf(client), "name": "Grace", "email": "grace@example.org", "password": PASSWORD}
    client.post("/register", data=form)
    assert attributed(session) == []
    assert client.get_cookie("referral") is not None
    follow_link(client, session, "grace@example.org")
    assert [found.id for found in attributed(session)] == [invite.id]


def test_a_stranger_who_registered_the_address_before_brings_it_to_nobody(
    app: Portal, client: FlaskClient, session: Session
) -> None:
    """What counts is the code that the friend followed themselves, in the browser that opens the link."""
    theirs, own = make_invite(session, inviting(session, "Mallory")), make_invite(session, inviting(session))
    stranger = app.test_client()
    stranger.get(f"/r/{theirs.code}")
    form = {"name": "Grace", "email": "grace@example.org", "password": PASSWORD}
    stranger.post("/register", data={**form, "csrf_token": csrf(stranger)})
    client.get(f"/r/{own.code}")
    register(client)
    assert [found.id for found in attributed(session)] == [own.id]


@pytest.mark.parametrize("swept", [False, True])
def test_an_invite_that_runs_out_before_the_address_is_confirmed_still_counts(
    client: FlaskClient, session: Session, swept: bool
) -> None:
    member = inviting(session)
    invite = make_invite(session, member, at=clock.now() - 89 * DAY)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        client.get(f"/r/{invite.code}")
        form = {"csrf_token": csrf(client), "name": "Grace", "email": "grace@example.org", "password": PASSWORD}
        client.post("/register", data=form)
        traveller.shift(DAY + DAY / 2)
        if swept:
            assert expire_invites(session, clock.now()) == 1
        follow_link(client, session, "grace@example.org")
        bound = attributed(session)
        assert [found.id for found in bound] == [invite.id]
        assert bound[0].expires_at > clock.now() + 80 * DAY
        activity = session.get_one(ReferralActivity, member.id, populate_existing=True)
        assert (bound[0].status, activity.open_invites) == ("sent", 1)


def test_an_invite_that_had_run_out_when_its_friend_registered_binds_nobody(
    client: FlaskClient, session: Session
) -> None:
    invite = make_invite(session, inviting(session), at=clock.now() - 89 * DAY)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        client.get(f"/r/{invite.code}")
        traveller.shift(DAY + DAY / 2)
        assert expire_invites(session, clock.now()) == 1
        register(client)
        assert attributed(session) == []


def test_the_first_click_wins(client: FlaskClient, session: Session) -> None:
    first, second = make_invite(session, inviting(session)), make_invite(session, inviting(session, "Mary Shelley"))
    client.get(f"/r/{first.code}")
    client.get(f"/r/{second.code}")
    register(client)
    assert [found.id for found in attributed(session)] == [first.id]


def test_a_first_click_that_no_longer_counts_gives_way(client: FlaskClient, session: Session) -> None:
    first, second = make_invite(session, inviting(session)), make_invite(session, inviting(session, "Mary Shelley"))
    client.get(f"/r/{first.code}")
    cancel_invite(session, first.id, Act("user:x", clock.now()))
    client.get(f"/r/{second.code}")
    register(client)
    assert [found.id for found in attributed(session)] == [second.id]


@pytest.mark.parametrize(("days", "remembered"), [(29, True), (31, False)])
def test_a_visit_is_remembered_for_thirty_days(
    client: FlaskClient, session: Session, days: int, remembered: bool
) -> None:
    invite = make_invite(session, inviting(session))
    client.get(f"/r/{invite.code}")
    with time_machine.travel(clock.now() + days * DAY):
        register(client)
    assert len(attributed(session)) == remembered


def test_an_edited_cookie_is_ignored(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session))
    client.set_cookie("referral", invite.code)
    register(client)
    assert attributed(session) == []


def test_friends_who_share_a_link_each_get_an_invite_of_their_own(app: Portal, session: Session) -> None:
    member = inviting(session)
    invite = make_invite(session, member)
    for number, code in enumerate([invite.code, invite.code, member.referral_code]):
        browser = app.test_client()
        browser.get(f"/r/{code}")
        register(browser, f"friend{number}@example.org")
    bound = [attributed(session, f"friend{number}@example.org")[0] for number in range(3)]
    assert bound[0].id == invite.id
    assert len({found.id for found in bound}) == 3
    assert [found.shared_code for found in bound] == [None, invite.code, member.referral_code]
    done = complete(session, invite.code, bound[1].attributed_user_id or "")
    assert done.invite.id == bound[1].id
    done = complete(session, member.referral_code, bound[2].attributed_user_id or "")
    assert done.invite.id == bound[2].id


def test_another_members_code_does_not_take_a_bound_friend_away(client: FlaskClient, session: Session) -> None:
    first, second = make_invite(session, inviting(session)), make_invite(session, inviting(session, "Mary Shelley"))
    client.get(f"/r/{first.code}")
    register(client)
    friend = attributed(session)[0].attributed_user_id or ""
    with pytest.raises(AlreadyReferred) as refusal:
        complete(session, second.code, friend)
    named = {"referralId": ids.encode(first.id), "orderReference": None, "referralCode": first.code}
    assert refusal.value.extra == named
    cancel_invite(session, first.id, Act("user:x", clock.now()))
    assert complete(session, second.code, friend).entries


@pytest.mark.usefixtures("at_registration")
def test_the_setting_completes_it_at_registration(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session))
    client.get(f"/r/{invite.code}")
    register(client)
    assert session.get_one(ReferralInvite, (invite.member_id, invite.id)).status == "converted"
    assert session.scalar(select(LedgerEntry.id)) is None
    assert ledger.activate_due(session, clock.now() + 15 * DAY, rules=RULES)
    assert sorted(session.scalars(select(LedgerEntry.amount))) == [100, 500]


@pytest.mark.usefixtures("at_registration")
@pytest.mark.parametrize("personal", [True, False])
def test_registering_alone_completes_five_friends_of_a_member_in_a_day(
    app: Portal, session: Session, personal: bool
) -> None:
    member, other = inviting(session), inviting(session, "Mary Shelley")
    codes = [member.referral_code if personal else make_invite(session, member).code for _ in range(7)]
    for number, code in enumerate(codes):
        browser = app.test_client()
        browser.get(f"/r/{code}")
        register(browser, f"friend{number}@example.org")
    found = [attributed(session, f"friend{number}@example.org")[0] for number in range(7)]
    assert [invite.status for invite in found] == ["converted"] * 5 + ["sent"] * 2
    browser = app.test_client()
    browser.get(f"/r/{other.referral_code}")
    register(browser, "eve@example.org")
    assert attributed(session, "eve@example.org")[0].status == "converted"
    held_back = found[-1].attributed_user_id or ""
    assert complete(session, codes[-1], held_back, order=Order("A-1")).invite.id == found[-1].id
    with time_machine.travel(clock.now() + 2 * DAY):
        browser = app.test_client()
        browser.get(f"/r/{member.referral_code}")
        register(browser, "late@example.org")
    assert attributed(session, "late@example.org")[0].status == "converted"


@pytest.mark.usefixtures("at_registration")
def test_ones_own_second_account_registers_and_earns_nothing(client: FlaskClient, session: Session) -> None:
    member = make_member(session, make_user(session, email="ada@example.org"))
    client.get(f"/r/{member.referral_code}")
    register(client, "ada+2@example.org")
    assert attributed(session, "ada+2@example.org") == []
    assert session.scalar(select(LedgerEntry.id)) is None


def test_a_signed_in_visitor_is_not_marked(client: FlaskClient, session: Session) -> None:
    invite = make_invite(session, inviting(session))
    sign_in(client, make_user(session))
    page = client.get(f"/r/{invite.code}").get_data(as_text=True)
    assert "member already" in page
    assert client.get_cookie("referral") is None


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("personal", [True, False])
def test_the_codes_of_a_suspended_member_or_closed_account_do_not_work_at_the_moment(
    client: FlaskClient, session: Session, closed: bool, personal: bool
) -> None:
    member = inviting(session)
    code = member.referral_code if personal else make_invite(session, member).code
    client.get(f"/r/{code}")
    if closed:
        session.get_one(User, member.user_id).disabled_at = clock.now()
    else:
        member.status = "suspended"
    session.flush()
    answer = client.get(f"/r/{code}")
    assert answer.status_code == 410
    assert "does not work at the moment" in answer.text
    assert "Ada" not in answer.text
    assert "Ada" not in client.get("/register").text
    register(client)
    assert attributed(session) == []


def signals_of(session: Session, code: str, friend: str) -> set[str]:
    return set(complete(session, code, friend).invite.signals)


def test_the_browser_that_wrote_the_invite_leaves_a_signal(client: FlaskClient, session: Session) -> None:
    user = make_user(session)
    sign_in(client, user)
    client.get("/account/referrals")
    client.get("/account/referrals")
    code = session.scalars(select(Member.referral_code).where(Member.user_id == user.id)).one()
    client.post("/logout", data={"csrf_token": csrf(client)})
    client.get(f"/r/{code}")
    register(client, "grace@elsewhere.example")
    found: Any = signals_of(session, code, attributed(session, "grace@elsewhere.example")[0].attributed_user_id or "")
    assert found == {"same_device"}


def test_signals_are_recorded_and_block_nothing(session: Session) -> None:
    inviter = make_user(session, email="ada.love1@corp.example", phone_number="+4915123456789")
    member = make_member(session, inviter)
    friend = make_user(session, email="ada.love2@corp.example", phone_number="+4915123456789")
    invite = make_invite(session, member, at=clock.now() + DAY)
    found = set(complete(session, invite.code, friend.id, at=clock.now() + DAY).invite.signals)
    assert found == {"same_phone", "same_address_domain", "similar_address", "existing_customer"}


def test_two_friends_from_one_browser_leave_a_signal(session: Session) -> None:
    member = make_member(session, make_user(session, email="ada@a.example"))
    found = []
    for name in ("grace", "mary"):
        friend = make_user(session, email=f"{name}@b{name}.example")
        invite = make_invite(session, member)
        invite.referee_device = "one browser"
        session.flush()
        found.append("device_reused" in signals_of(session, invite.code, friend.id))
    assert found == [False, True]


def test_many_conversions_within_a_day_leave_a_signal(session: Session) -> None:
    member = make_member(session, make_user(session, email="ada@a.example"))
    found = [
        signals_of(session, make_invite(session, member).code, make_user(session, email=f"{name}@b{name}.example").id)
        for name in ("grace", "mary", "joan", "edith", "hedy")
    ]
    assert ["velocity" in signals for signals in found] == [False, False, False, False, True]
