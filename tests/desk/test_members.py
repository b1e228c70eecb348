"""The console of members: found in every way, their balance explained entry by entry, acts with a reason."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, User
from portal.ledger.models import LedgerEntry, LedgerText, PointLot
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.notifications.models import Message
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import AuditEntry, OutboxMessage
from portal.redemptions.lifecycle import fulfill_redemption
from portal.referrals.invites import INVITE_TOPIC
from portal.referrals.models import Channel
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_reward, make_tier, request_reward
from tests.factories.referrals import make_invite
from tests.statements import counted

MEMBERS = "/admin/members"
TABS = ("", "/ledger", "/redemptions", "/referrals", "/messages", "/nudges", "/sign-ins", "/history")


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator", name="Olu"))
    return client


@pytest.fixture
def ada(session: Session) -> Member:
    """Ada Lovelace-Byron, with 500 points."""
    make_tier(session, "bronze", 0)
    user = make_user(session, id="ada", name="Ada Lovelace-Byron", email="ada@shop.example")
    return make_member(session, user, points=500)


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(f"{MEMBERS}/{path}", data=form).status_code


def audited(session: Session, action: str) -> AuditEntry:
    return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


@pytest.mark.parametrize("wanted", ["ada@shop.example", "ADA@Shop.Example", "ada", " ada "])
def test_who_is_named_exactly_is_shown_at_once(operator: FlaskClient, ada: Member, wanted: str) -> None:
    assert operator.get(MEMBERS, query_string={"q": wanted}).headers["Location"] == f"{MEMBERS}/ada"


def test_who_is_named_exactly_is_shown_instead_of_the_table_by_htmx(operator: FlaskClient, ada: Member) -> None:
    answer = operator.get(f"{MEMBERS}?q=ada", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"{MEMBERS}/ada"


def test_the_list_and_what_is_found_keep_their_order_from_page_to_page(operator: FlaskClient, session: Session) -> None:
    for number in range(30):
        make_member(session, make_user(session, name=f"Walker {number}"))
    for query in ("", "&q=walk", "&sort=id", "&q=walk&sort=id"):
        page = operator.get(f"{MEMBERS}?limit=25{query}").text
        following = re.findall(r'href="([^"]+)"\s+data-testid="next-rows"', page)[0].replace("&amp;", "&")
        keys = re.findall(r'data-key="([^"]+)"', page + operator.get(following).text)
        assert len(keys) == len(set(keys)) == 30


def test_a_referral_code_names_its_member(operator: FlaskClient, ada: Member) -> None:
    answer = operator.get(MEMBERS, query_string={"q": ada.referral_code.lower()})
    assert answer.headers["Location"] == f"{MEMBERS}/ada"


@pytest.mark.parametrize("wanted", ["lovel", "LOVELACE ad", "byron", "lovelace-by", "ada@sh", "ad lov"])
def test_the_beginnings_of_words_find_members(
    operator: FlaskClient, session: Session, ada: Member, wanted: str
) -> None:
    make_member(session, make_user(session, name="Bob Babbage"))
    page = operator.get(MEMBERS, query_string={"q": wanted})
    assert page.text.count('data-testid="row"') == 1
    assert "Lovelace-Byron" in page.text


@pytest.mark.parametrize("wanted", ["babbage", "o'neill", "a & b", "'", "\\", ":*", "!x", "((", "%", "ada ("])
def test_a_search_that_finds_nobody_says_so(operator: FlaskClient, ada: Member, wanted: str) -> None:
    assert operator.get(MEMBERS, query_string={"q": wanted}).status_code == 200


def test_a_user_who_is_no_member_yet_is_found(operator: FlaskClient, session: Session) -> None:
    make_user(session, id="new-1", name="Newton")
    make_user(session, id="new-2", name="Newcomen")
    page = operator.get(f"{MEMBERS}?q=new").text
    assert page.count('data-testid="row"') == 2
    assert "no membership yet" in operator.get(f"{MEMBERS}/new-1").text


def test_the_list_narrows_by_status_and_tier_and_is_exported(
    operator: FlaskClient, session: Session, ada: Member
) -> None:
    make_member(session, make_user(session, name="=Bob")).status = "suspended"
    session.flush()
    counts = {"": 2, "status=suspended": 1, "tier=bronze": 2, "tier=gold": 0, "q=lovel&tier=bronze": 1}
    for query, rows in counts.items():
        assert operator.get(f"{MEMBERS}?{query}").text.count('data-testid="row"') == rows, query
    export = operator.get(f"{MEMBERS}?format=csv")
    assert len(export.text.splitlines()) == 3
    assert ",'=Bob," in export.text


@pytest.mark.parametrize("tab", TABS)
def test_every_page_of_a_member_needs_at_most_eight_statements(
    operator: FlaskClient, session: Session, ada: Member, tab: str
) -> None:
    make_reward(session, "mug", 10)
    for _ in range(12):
        earn(session, ada, 10)
    request_reward(session, ada, "mug")
    with counted(session) as sent:
        assert operator.get(f"{MEMBERS}/ada{tab}").status_code == 200
    assert len(sent) <= 8, sent
    assert operator.get(f"{MEMBERS}/nobody{tab}").status_code == 404


def test_the_profile_tells_the_birthday_and_since_when_it_is_known(
    operator: FlaskClient, session: Session, ada: Member
) -> None:
    def birthday() -> str:
        page = re.sub(r"<[^>]+>|\s+", " ", operator.get(f"{MEMBERS}/ada").text)
        return re.sub(r" +", " ", page).partition("Birthday ")[2].partition(" Referral code")[0]

    assert birthday() == "–"
    user = session.get_one(User, "ada")
    user.birthday, user.birthday_set_at = "02-29", clock.now() - timedelta(days=3)
    session.flush()
    assert birthday().startswith("29 February (entered ")
    assert "3 days ago" in birthday()


def test_the_balance_is_drawn_lot_by_lot_with_its_holds(operator: FlaskClient, session: Session, ada: Member) -> None:
    make_reward(session, "mug", 600, name="Mug")
    earn(session, ada, 200, expires_at=clock.now() + timedelta(days=10), external_id="soon")
    earn(session, ada, 50, expires_at=None)
    request_reward(session, ada, "mug")

    page = operator.get(f"{MEMBERS}/ada").text

    assert page.count('data-testid="lot"') == 3
    assert '<span data-testid="available"><span class="figure">150</span></span>' in page
    assert "“Mug” holds 600 points: 200 points of “Order” from" in page
    assert "50 left, which never expire" in page
    assert "style=" not in page


def test_every_entry_is_explained_with_the_lots_it_took(operator: FlaskClient, session: Session, ada: Member) -> None:
    make_reward(session, "mug", 600, name="Mug")
    earn(session, ada, 200, expires_at=datetime(2099, 5, 4, tzinfo=UTC))
    request = request_reward(session, ada, "mug")
    fulfill_redemption(session, request.id, Act("test", clock.now()))

    page = operator.get(f"{MEMBERS}/ada/ledger").text

    assert "600 points were spent on “Mug”: 200 of “Order” from" in page
    assert "400 of “Order” from" in page
    assert "200 points came in for “Order”; none of them are left." in page
    assert "500 points came in for “Order”; 100 left, until" in page
    assert "redemption" in operator.get(f"{MEMBERS}/ada/ledger?format=csv").text


def test_a_member_without_points_and_one_with_a_million_are_drawn(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="poor"))
    make_member(session, make_user(session, id="rich"), points=1_000_000)
    assert "nothing to draw" in operator.get(f"{MEMBERS}/poor").text
    assert "1,000,000" in operator.get(f"{MEMBERS}/rich").text


def test_many_lots_are_drawn_up_to_a_bound(operator: FlaskClient, session: Session) -> None:
    member = make_member(session, make_user(session, id="many"))
    for _ in range(45):
        earn(session, member, 10)
    page = operator.get(f"{MEMBERS}/many").text
    assert page.count('data-testid="lot"') == 40
    assert "50 more points are in lots" in page


@pytest.mark.parametrize(
    ("fields", "expires"),
    [
        ({"expiry": "rule"}, True),
        ({"expiry": "never"}, None),
        ({"expiry": "date", "expires_on": "2099-05-04"}, datetime(2099, 5, 4, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_added_points_live_as_chosen(
    operator: FlaskClient, session: Session, ada: Member, fields: dict[str, str], expires: datetime | bool | None
) -> None:
    assert post(operator, "ada/adjust", points="25", description="Sorry!", reason="late parcel", **fields) == 303

    entry = session.scalars(select(LedgerEntry).where(LedgerEntry.entry_type == "adjustment")).one()
    lot = session.get_one(PointLot, (ada.id, entry.id))
    assert lot.expires_at is not None if expires is True else lot.expires_at == expires
    assert entry.amount == 25
    assert session.get_one(LedgerText, (ada.id, entry.id)).description == "Sorry!"
    assert audited(session, "points.adjust").reason == "late parcel"
    assert find_differences(session) == []


@pytest.mark.parametrize(("ticked", "qualifying"), [({}, 25), ({"outside_tiers": "y"}, 0)])
def test_an_operator_leaves_points_out_of_tiers_and_notes_why(
    operator: FlaskClient, session: Session, ada: Member, ticked: dict[str, str], qualifying: int
) -> None:
    given = {"points": "25", "description": "Sorry!", "reason": "late", "expiry": "rule", "note": " Watch this one "}

    assert post(operator, "ada/adjust", **given, **ticked) == 303

    entry = session.scalars(select(LedgerEntry).where(LedgerEntry.entry_type == "adjustment")).one()
    assert entry.qualifying == qualifying
    assert session.get_one(LedgerText, (ada.id, entry.id)).note == "Watch this one"
    assert "Watch this one" in operator.get(f"{MEMBERS}/ada/ledger").text
    assert "Watch this one" in operator.get(f"{MEMBERS}/ada/history?format=csv").text


def test_points_are_taken_away_but_never_below_what_is_free(
    operator: FlaskClient, session: Session, ada: Member
) -> None:
    fields = {"description": "Corrected", "reason": "returned", "expiry": "rule"}
    assert post(operator, "ada/adjust", points="-200", **fields) == 303
    form = {"csrf_token": csrf(operator), "idempotency_key": "k", "points": "-301", **fields}
    refused = operator.post(f"{MEMBERS}/ada/adjust", data=form)

    assert refused.status_code == 409
    assert "Only 300 points are free to take" in refused.text
    session.expire_all()
    assert session.get_one(Member, ada.id).balance == 300


def test_a_question_on_a_page_of_its_own_is_the_heading_of_the_page(operator: FlaskClient, ada: Member) -> None:
    page = operator.get(f"{MEMBERS}/{ada.user_id}/adjust").text
    assert page.count("<h1") == 1
    dialog = operator.get(f"{MEMBERS}/{ada.user_id}/adjust", headers={"HX-Request": "true"}).text
    assert (dialog.count("<h1"), dialog.count('<h2 id="sheet-title"')) == (0, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"points": "0"},
        {"points": "many"},
        {"points": "1", "reason": " "},
        {"points": "99999999999"},
        {"points": "1", "expiry": "date"},
        {"points": "1", "expiry": "date", "expires_on": "2001-01-01"},
        {"points": "1", "expiry": "someday"},
        {"points": "1", "description": ""},
        {"points": "1", "note": "x" * 501},
    ],
)
def test_an_adjustment_that_makes_no_sense_is_asked_again(
    operator: FlaskClient, ada: Member, fields: dict[str, str]
) -> None:
    given = {"reason": "why", "description": "Corrected", "expiry": "rule", **fields}
    assert post(operator, "ada/adjust", **given) == 422


def test_a_suspended_member_may_not_redeem_until_reactivated(
    operator: FlaskClient, session: Session, ada: Member
) -> None:
    make_reward(session, "mug", 10)
    assert post(operator, "ada/suspend", reason=" ") == 422
    assert post(operator, "ada/suspend", reason="fraud check") == 303
    path = "/api/v1/loyalty/members/ada/redemptions"
    headers = {"X-CSRFToken": csrf(operator)}
    assert operator.post(path, json={"rewardSlug": "mug"}, headers=headers).get_json()["code"] == "member_suspended"
    assert post(operator, "ada/reactivate", reason="cleared") == 303
    assert operator.post(path, json={"rewardSlug": "mug"}, headers=headers).status_code == 201
    assert (audited(session, "member.suspend").reason, audited(session, "member.reactivate").reason) == (
        "fraud check",
        "cleared",
    )


def test_sign_ins_are_ended_and_refused(operator: FlaskClient, session: Session, ada: Member) -> None:
    other = operator.application.test_client()
    sign_in(other, session.get_one(User, "ada"))
    assert post(operator, "ada/sign-out", reason="lost phone") == 303
    assert session.scalars(select(AuthSession).where(AuthSession.user_id == "ada")).one().revoked_at is not None
    assert other.get("/account/loyalty").status_code == 303

    assert post(operator, "ada/disable", reason="asked for") == 303
    assert session.get_one(User, "ada").disabled_at is not None
    assert post(operator, "ada/enable", reason="back again") == 303
    assert session.get_one(User, "ada").disabled_at is None
    assert audited(session, "user.sign_out").reason == "lost phone"


@pytest.mark.parametrize("verb", ["disable", "sign-out"])
def test_an_operator_keeps_away_from_staff(operator: FlaskClient, session: Session, verb: str) -> None:
    make_user(session, id="amy", role="admin")
    assert post(operator, f"amy/{verb}", reason="why not") == 409
    assert session.get_one(User, "amy").disabled_at is None


def test_acts_on_nobody_are_not_found(operator: FlaskClient, session: Session) -> None:
    make_user(session, id="newton")
    for path in ("nobody/adjust", "nobody/suspend", "nobody/disable"):
        assert operator.get(f"{MEMBERS}/{path}").status_code == 404
    assert post(operator, "newton/suspend", reason="no membership") == 409


def make_message(session: Session, user_id: str, status: str) -> str:
    """A message with the outbox row that asked for it; its id."""
    now, asked, made = clock.now(), ids.new_id(), ids.new_id()
    session.add(
        OutboxMessage(
            id=asked,
            topic="password_reset",
            payload={"user_id": user_id},
            status="done",
            created_at=now,
            next_attempt_at=now,
            finished_at=now,
        )
    )
    session.add(
        Message(
            id=made,
            dedupe_key=f"outbox:{ids.encode(asked)}",
            kind="password_reset",
            channel="email",
            user_id=user_id,
            status=status,
            created_at=now,
            updated_at=now,
            sent_at=now if status == "sent" else None,
        )
    )
    session.flush()
    return ids.encode(made)


@pytest.mark.parametrize(
    ("status", "answer"), [("failed", 303), ("uncertain", 303), ("sent", 409), ("suppressed", 409)]
)
def test_only_what_may_not_have_arrived_is_sent_again(
    operator: FlaskClient, session: Session, ada: Member, status: str, answer: int
) -> None:
    path = f"ada/messages/{make_message(session, 'ada', status)}/resend"
    assert post(operator, path, reason="they ask for it") == answer
    waiting = select(OutboxMessage).where(OutboxMessage.status == "pending", OutboxMessage.topic == "password_reset")
    assert len(session.scalars(waiting).all()) == (answer == 303)
    assert post(operator, path, reason="once more") == 409
    assert ("twice" in operator.get(f"{MEMBERS}/{path}").text) == (status == "uncertain")


def test_another_members_message_is_not_found(operator: FlaskClient, session: Session, ada: Member) -> None:
    make_user(session, id="bob")
    assert operator.get(f"{MEMBERS}/bob/messages/{make_message(session, 'ada', 'failed')}/resend").status_code == 404


def test_an_open_invite_is_sent_again_once_a_day(operator: FlaskClient, session: Session, ada: Member) -> None:
    invite = make_invite(session, ada, channel=Channel.EMAIL, email="friend@example.com")
    before = len(session.scalars(select(OutboxMessage).where(OutboxMessage.topic == INVITE_TOPIC)).all())
    path = f"ada/referrals/{ids.encode(invite.id)}/resend"
    assert [post(operator, path, reason="not in the inbox"), post(operator, path, reason="again")] == [303, 409]
    assert len(session.scalars(select(OutboxMessage).where(OutboxMessage.topic == INVITE_TOPIC)).all()) == before + 1
    link = make_invite(session, ada)
    assert post(operator, f"ada/referrals/{ids.encode(link.id)}/resend", reason="where to?") == 409


def test_what_operators_did_stands_in_the_members_history(operator: FlaskClient, ada: Member) -> None:
    post(operator, "ada/suspend", reason="fraud check")
    post(operator, "ada/disable", reason="stolen account")
    page = operator.get(f"{MEMBERS}/ada/history").text
    assert "fraud check" in page
    assert "stolen account" in page


def test_the_whole_ledger_is_exported(operator: FlaskClient, session: Session, ada: Member) -> None:
    for _ in range(3):
        earn(session, make_member(session), 10)
    answer = operator.get("/admin/exports/ledger")
    assert answer.mimetype == "text/csv"
    lines = answer.text.splitlines()
    assert lines[0].startswith("user_id,seq,id,occurred_at,entry_type,amount")
    assert len(lines) == 5


SIGN_INS = "/admin/members/boss/sign-ins"


@pytest.mark.parametrize("path", [SIGN_INS, f"{SIGN_INS}?format=csv", f"{SIGN_INS}?sort=-id", f"{SIGN_INS}?limit=50"])
@pytest.mark.parametrize("role", ["operator", "admin"])
def test_where_staff_signed_in_is_for_admins_alone(
    operator: FlaskClient, session: Session, role: str, path: str
) -> None:
    boss = make_user(session, id="boss", role=role)
    sign_in(operator.application.test_client(), boss, address="198.51.100.7")
    assert operator.get(path).status_code == 404
    assert "sign-ins" not in operator.get("/admin/members/boss").text
    admin = operator.application.test_client()
    sign_in(admin, make_user(session, role="admin"))
    assert "198.51.100.7" in admin.get(path).text
    assert SIGN_INS in admin.get("/admin/members/boss").text


def test_where_members_signed_in_is_for_operators_too(operator: FlaskClient, session: Session) -> None:
    sign_in(operator.application.test_client(), make_user(session, id="ann"), address="198.51.100.7")
    assert "198.51.100.7" in operator.get("/admin/members/ann/sign-ins").text
    assert "/admin/members/ann/sign-ins" in operator.get("/admin/members/ann").text
