"""Every value that the database may hold has words; one that this version does not know is no failure."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.checkout.cards import make_card
from portal.checkout.models import KINDS
from portal.hub.catalogue import ORDER
from portal.hub.rail import ICONS
from portal.hub.timeline_sentences import describe
from portal.ledger.holds import choose_lots
from portal.ledger.labels import LABELS, UNKNOWN, labels_of
from portal.ledger.models import EntryType
from portal.members.models import Member
from portal.nudges.signals import SIGNALS
from portal.platform import clock, ids
from portal.platform.web.application import Portal
from portal.redemptions.models import RedemptionStatus
from portal.referrals.models import InviteStatus
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import FAR, RULES, make_member, make_reward, request_reward
from tests.factories.referrals import make_invite

LATER = ("of_next_year", "of_another_shop", "something_else")


class Row:
    """A row of the timeline."""

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


def test_every_type_of_entry_has_words_for_both_ways() -> None:
    assert set(LABELS) == set(EntryType)
    assert all(words.description and words.title and words.came and words.went for words in LABELS.values())
    assert labels_of("not yet known") is UNKNOWN


def test_every_status_and_kind_has_words() -> None:
    base = {"what": "Mug", "reason": None, "points": 5, "settled_at": None}
    for status in RedemptionStatus:
        assert describe(Row(kind="redemption", state=status, **base)).detail
    titles = {describe(Row(kind="referral", state=status, **base)).title for status in InviteStatus}
    assert len(titles) == len(InviteStatus)
    assert set(KINDS) | set(SIGNALS) <= set(ICONS)


def test_every_kind_of_intent_and_state_of_a_reward_has_words(app: Portal) -> None:
    intent = {"id": "x", "orderReference": "A", "rewardSlug": None, "rewardName": None, "points": 5, "expiresAt": None}
    with app.app_context():
        assert all(make_card({**intent, "kind": kind}, "")["title"] for kind in KINDS)
        card = app.jinja_env.get_template("components/reward_card.html").module.redeem_button  # type: ignore[attr-defined]  # a macro of the template
        for state in ORDER[1:]:
            said = card({"state": state, "short_by": 5, "opens_at": "Gold"})
            assert said.split("disabled>")[1].split("</button>")[0].strip(), state


@pytest.fixture
def anna(session: Session) -> Member:
    """A member with entries, a request and an invite of kinds that only a later version knows."""
    make_reward(session, "mug", 5)
    anna = make_member(session, make_user(session, id="anna"), points=500)
    for constraint, table in [
        ("entry_type", "loyalty_ledger_entries"),
        ("sign", "loyalty_ledger_entries"),
        ("status", "loyalty_redemptions"),
        ("status", "loyalty_referral_invites"),
    ]:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_{constraint}"))
    for number, kind in enumerate(LATER):
        for amount in (20, -3):
            takes = choose_lots(session, anna.id, -amount, clock.now()) if amount < 0 else ()
            posting = ledger.Posting(
                member_id=anna.id,
                amount=amount,
                entry_type=kind,
                texts=ledger.Texts(f"Later {number}"),
                source="later",
                external_id=ids.encode(ids.new_id()),
                effect="later",
                takes=takes,
                occurred_at=clock.now(),
                expires_at=FAR if amount > 0 else None,
                week=RULES.week(clock.now()),
            )
            ledger.post(session, [posting], clock.now())
    request_reward(session, anna, "mug")
    make_invite(session, anna)
    session.execute(
        text("UPDATE loyalty_redemptions SET status = 'of_next_year', closed_at = :now"), {"now": clock.now()}
    )
    session.execute(text("UPDATE loyalty_referral_invites SET status = 'on_a_journey'"))
    session.expire_all()
    return anna


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("member", ["/account/loyalty", "/app/api/loyalty/timeline", "/account/referrals"]),
        ("admin", ["/admin/members/anna", "/admin/members/anna/ledger", "/admin/members/anna/redemptions"]),
        ("admin", ["/admin/members/anna/referrals", "/admin/redemptions", "/admin/referrals", "/admin/"]),
    ],
)
def test_what_a_later_version_wrote_is_shown_in_plain_words(
    client: FlaskClient, session: Session, anna: Member, role: str, paths: list[str]
) -> None:
    sign_in(client, session.get_one(User, "anna") if role == "member" else make_user(session, role=role))

    statuses = {path: client.get(path).status_code for path in paths}

    assert statuses == dict.fromkeys(paths, 200)


def test_a_later_type_is_told_in_sentences(client: FlaskClient, session: Session, anna: Member) -> None:
    sign_in(client, make_user(session, role="admin"))
    page = client.get("/admin/members/anna/ledger").text
    assert "20 points came in for “Later 0”" in page
    assert "3 points were taken for “Later 0”" in page

    sign_in(client, session.get_one(User, "anna"))
    assert "Points changed" in client.get("/account/loyalty").text


def test_the_api_shows_a_later_type_as_it_is(client: FlaskClient, session: Session, anna: Member) -> None:
    token = make_token(session, "member")

    answer = client.get("/api/v1/loyalty/ledger", headers=bearer(token, "anna"))

    assert {entry["entryType"] for entry in answer.json["entries"]} >= set(LATER)


def test_the_documents_name_every_type(client: FlaskClient) -> None:
    schemas = client.get("/api/v1/openapi.json").json["components"]["schemas"]

    described = schemas["LedgerEntry"]["properties"]["entryType"]["description"]

    assert all(f"`{kind}`" in described for kind in EntryType)
