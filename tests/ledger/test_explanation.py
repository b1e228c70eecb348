"""Why an entry is what it is: a sentence for each type, made when read, with the lots behind it (EARNING 8.6)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal import ledger
from portal.ledger.explanation import EXPLAINED, ExplainedRow, Explanation
from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType, LedgerEntry
from portal.ledger.web import explain
from portal.members.models import Member
from portal.platform import ids
from portal.platform.audit import Act
from portal.platform.web.application import Portal
from portal.redemptions.lifecycle import HoldRules, Wish, fulfill_redemption, reserve_points
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member
from tests.factories.referrals import complete, make_invite

BASE = "/api/v1/loyalty"
NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 4, 23, 59, 59, 999999, UTC)
DAY = timedelta(days=1)
NO_FACTS = {"rule": None, "basis": None, "multiplier": None, "cap": None}


@pytest.fixture(autouse=True)
def _in_march() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ada(session: Session) -> Member:
    """A member without points."""
    return make_member(session, make_user(session, id="ada"))


def newest(session: Session, member: Member) -> UUID:
    mine = select(LedgerEntry.id).where(LedgerEntry.member_id == member.id)
    return session.scalars(mine.order_by(LedgerEntry.seq.desc()).limit(1)).one()


def ask(client: FlaskClient, session: Session, member: Member, **headers: str) -> TestResponse:
    """The newest entry of the member, explained to them."""
    given = {**bearer(make_token(session, "member"), member.user_id), **headers}
    return client.get(f"{BASE}/ledger/{ids.encode(newest(session, member))}", headers=given)


def told(client: FlaskClient, session: Session, member: Member) -> dict[str, Any]:
    answer = ask(client, session, member)
    assert answer.status_code == 200, answer.text
    return dict((answer.json or {})["explanation"])


def adjust(session: Session, member: Member, points: int, reason: str = "Late parcel", **fields: Any) -> None:
    options: dict[str, Any] = {"expires_at": None, "metadata": {}, **fields}
    ledger.adjust_points(session, member.id, points, Act("t", NOW, reason), rules=RULES, **options)


def take_back(session: Session, member: Member, points: int, **fields: Any) -> None:
    takes = choose_lots(session, member.id, points, NOW) if points > 0 else ()
    posting = ledger.Posting(
        member.id, -points, EntryType.REVERSAL, "order", "A-1", f"back {points}", NOW, takes=tuple(takes), **fields
    )
    ledger.post(session, [posting], NOW)


@pytest.mark.parametrize(
    ("points", "reference", "expires_at", "sentence"),
    [
        (48, "A-1", MAY, "48 points for order A-1. Good until 4 May."),
        (48, None, MAY, "48 points for an order. Good until 4 May."),
        (1, "A-1", None, "1 point for order A-1. They never expire."),
        (12345, None, MAY.replace(year=2027), "12,345 points for an order. Good until 4 May 2027."),
        (5, None, NOW + timedelta(hours=4), "5 points for an order. Good until 16:00 today."),
        (5, None, MAY - 100 * DAY, "5 points for an order. Good until 24 Jan."),
    ],
)
def test_an_order_and_how_long_its_points_live(
    client: FlaskClient,
    session: Session,
    ada: Member,
    points: int,
    reference: str | None,
    expires_at: datetime | None,
    sentence: str,
) -> None:
    earn(session, ada, points, metadata={"order_reference": reference} if reference else {}, expires_at=expires_at)
    found = ask(client, session, ada).get_json()
    explanation = found.pop("explanation")
    lot = explanation.pop("lots")[0]
    assert explanation == {"sentence": sentence, **NO_FACTS, "order": reference}
    assert (lot["openedBy"], lot["points"]) == (f"Order {reference}" if reference else "Order", points)
    assert (lot["expiresAt"] and datetime.fromisoformat(lot["expiresAt"])) == expires_at
    listed = client.get(f"{BASE}/ledger", headers=bearer(make_token(session, "member"), "ada")).get_json()
    assert listed["entries"] == [found]


@pytest.mark.parametrize("personal", [True, False])
def test_both_sides_of_a_referral_read_the_code(
    client: FlaskClient, session: Session, ada: Member, personal: bool
) -> None:
    friend = make_member(session, make_user(session, id="bea"))
    code = ada.referral_code if personal else make_invite(session, ada).code
    complete(session, code, friend.user_id)
    mine, theirs = (told(client, session, member) for member in (ada, friend))
    assert mine["sentence"] == f"500 points, because a friend joined with your code {code}. Good until 11 Mar 2027."
    assert theirs["sentence"].startswith(
        f"100 points as a welcome, because you joined with the code of a friend, {code}. "
    )
    assert [each["openedBy"] for each in (*mine["lots"], *theirs["lots"])] == [
        "Referral conversion bonus",
        "Referral welcome bonus",
    ]


@pytest.mark.parametrize(
    ("weeks", "sentence"),
    [
        ([0], "25 points, because you collected points in the week from 9 Mar. Good until 11 Mar 2027."),
        (
            [0, 1, 2],
            "25 points, because you collected points 3 weeks in a row, up to that from 9 Mar. Good until 11 Mar 2027.",
        ),
        ([11], "25 points, because you collected points in the week from 22 Dec 2025. Good until 11 Mar 2027."),
    ],
)
def test_a_streak_says_its_week_and_its_length(
    client: FlaskClient, session: Session, ada: Member, weeks: list[int], sentence: str
) -> None:
    for back in reversed(weeks):
        earn(session, ada, 10, at=NOW - timedelta(weeks=back))
    ledger.grant_weekly_streak_bonuses(session, NOW, points=25, rules=RULES)
    assert told(client, session, ada)["sentence"] == sentence


def test_a_redemption_names_what_it_took_from(client: FlaskClient, session: Session, ada: Member) -> None:
    earn(session, ada, 200, metadata={"order_reference": "A-1"}, expires_at=MAY)
    adjust(session, ada, 300, "Late parcel")
    earn(session, ada, 50, expires_at=MAY + DAY)
    redemption = reserve_points(
        session, "ada", Wish(points=400, description="Mug"), Act("t", NOW), rules=HoldRules(30 * DAY)
    )
    fulfill_redemption(session, redemption.id, Act("t", NOW))
    found = told(client, session, ada)
    assert found["sentence"] == "400 points, spent on “Mug”."
    assert [(lot["openedBy"], lot["points"]) for lot in found["lots"]] == [
        ("Order A-1", 200),
        ("Order", 50),
        ("Late parcel", 150),
    ]
    assert [lot["expiresAt"] is None for lot in found["lots"]] == [False, False, True]


def test_an_expiry_names_the_day(client: FlaskClient, session: Session, ada: Member) -> None:
    earn(session, ada, 200, metadata={"order_reference": "A-1"}, expires_at=MAY - 70 * DAY)
    ledger.expire_scheduled_points(session, NOW)
    found = told(client, session, ada)
    assert found["sentence"] == "200 points, good until 23 Feb: that day has passed."
    assert [(lot["openedBy"], lot["points"]) for lot in found["lots"]] == [("Order A-1", 200)]


@pytest.mark.parametrize(
    ("points", "fields", "sentence"),
    [
        (40, {}, "40 points, added by the shop: “Late parcel”. They never expire."),
        (40, {"expires_at": MAY}, "40 points, added by the shop: “Late parcel”. Good until 4 May."),
        (40, {"description": "Sorry!"}, "40 points, added by the shop: “Sorry!”. They never expire."),
        (-1, {}, "1 point, taken away by the shop: “Late parcel”."),
    ],
)
def test_an_adjustment_gives_its_reason(
    client: FlaskClient, session: Session, ada: Member, points: int, fields: dict[str, Any], sentence: str
) -> None:
    earn(session, ada, 10)
    adjust(session, ada, points, **fields)
    assert told(client, session, ada)["sentence"] == sentence
    session.execute(text("DELETE FROM loyalty_ledger_texts"))
    done = "taken away" if points < 0 else "added"
    assert f", {done} by the shop." in told(client, session, ada)["sentence"]


def test_an_opening_balance_was_brought_along(client: FlaskClient, session: Session, ada: Member) -> None:
    posting = ledger.Posting(
        ada.id, 500, EntryType.ADJUSTMENT, "import", "1:ada", "credit", NOW, {"import": "01"}, expires_at=MAY
    )
    ledger.post(session, [posting], NOW)
    found = told(client, session, ada)
    assert found["sentence"] == "500 points that you brought along. Good until 4 May."
    assert found["lots"][0]["openedBy"] == "Opening balance"


@pytest.mark.parametrize(
    ("points", "metadata", "sentence"),
    [
        (30, {"order_reference": "A-1"}, "30 points taken back for order A-1."),
        (1, {}, "1 point taken back."),
        (0, {"order_reference": "A-1"}, "0 points taken back for order A-1."),
        (
            0,
            {"order_reference": "A-1", "takes": {"owed": 1380}},
            "0 points taken back for order A-1; 1,380 could not be and are owed.",
        ),
        (
            50,
            {"order_reference": "A-1", "takes": {"own": 50, "expired": 200, "owed": 1}},
            "50 points taken back for order A-1; 200 had expired already, 1 could not be and is owed.",
        ),
        (
            50,
            {"order_reference": "A-1", "takes": {"own": 50, "writtenOff": 30}},
            "50 points taken back for order A-1; 30 could not be and are not asked for.",
        ),
        (-20, {"order_reference": "A-1"}, "20 points given back for order A-1. They never expire."),
    ],
)
def test_a_reversal_says_which_way_it_goes(
    client: FlaskClient, session: Session, ada: Member, points: int, metadata: dict[str, str], sentence: str
) -> None:
    earn(session, ada, 100, metadata={"order_reference": "A-1"})
    take_back(session, ada, points, metadata=metadata)
    found = told(client, session, ada)
    assert (found["sentence"], found["order"]) == (sentence, metadata.get("order_reference"))
    assert len(found["lots"]) == (points != 0)


def test_a_type_of_a_later_version_is_told_all_the_same(client: FlaskClient, session: Session, ada: Member) -> None:
    for constraint in ("entry_type", "sign"):
        session.execute(
            text(f"ALTER TABLE loyalty_ledger_entries DROP CONSTRAINT ck_loyalty_ledger_entries_{constraint}")
        )
    earn(session, ada, 5, external_id="1")
    later: Any = "anniversary"
    for amount, sentence in (
        (5, "5 points: Points changed. They never expire."),
        (-1, "1 point less: Points changed."),
    ):
        takes = choose_lots(session, ada.id, -amount, NOW) if amount < 0 else ()
        posting = ledger.Posting(ada.id, amount, later, "later", str(amount), "x", NOW, takes=tuple(takes))
        ledger.post(session, [posting], NOW)
        assert told(client, session, ada)["sentence"] == sentence


def test_whose_it_is_may_ask_and_who_runs_the_programme(client: FlaskClient, session: Session, ada: Member) -> None:
    earn(session, ada, 5)
    make_member(session, make_user(session, id="bea"))
    path = f"{BASE}/ledger/{ids.encode(newest(session, ada))}"
    admin, member = make_token(session, "admin"), make_token(session, "member")
    for headers in (bearer(member, "ada"), bearer(admin), bearer(admin, "bea")):
        assert client.get(path, headers=headers).status_code == 200
    for headers, at in (
        (bearer(member, "bea"), path),
        (bearer(admin), f"{BASE}/ledger/{ids.encode(ids.new_id())}"),
        (bearer(admin), f"{BASE}/ledger/nonsense"),
    ):
        answer = client.get(at, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "ledger_entry_not_found")
    for token, status in ((make_token(session, "orders"), 403), (make_token(session, "checkout"), 403)):
        assert client.get(path, headers=bearer(token, "ada")).status_code == status
    assert client.get(path).status_code == 401
    sign_in(client, make_user(session, id="olu", role="operator"))
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "written"),
    [
        ("", "1,234,567 points"),
        ("de", "1,234,567 points"),
        ("en-IN", "12,34,567 points"),
        ("de, en-IN;q=0.8, en;q=0.5", "12,34,567 points"),
        ("en_in", "12,34,567 points"),
        ("*", "1,234,567 points"),
        ("en-!!,,;q=x", "1,234,567 points"),
        ("en-" + "x" * 500, "1,234,567 points"),
    ],
)
def test_it_is_told_in_the_language_that_is_accepted(
    client: FlaskClient, session: Session, ada: Member, accepted: str, written: str
) -> None:
    earn(session, ada, 1_234_567)
    answer = ask(client, session, ada, **({"Accept-Language": accepted} if accepted else {}))
    assert answer.get_json()["explanation"]["sentence"].startswith(written)
    assert "Accept-Language" in answer.vary
    listed = client.get(f"{BASE}/ledger", headers=bearer(make_token(session, "member"), "ada"))
    assert "Accept-Language" not in listed.vary


def test_a_source_explains_its_own_entries_as_far_as_it_can(
    app: Portal, client: FlaskClient, session: Session, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {
        "rule": {"slug": "base", "version": 3, "name": "Every euro"},
        "basis": {"amount": 3240, "currency": "EUR", "excluded": [{"what": "shipping", "amount": 490}]},
        "multiplier": "1.5",
        "cap": "order",
        "order": "A-1",
    }
    asked: list[tuple[UUID, str, str, int]] = []

    def explainer(row: ExplainedRow) -> Explanation | None:
        asked.append((row.member_id, row.external_id, row.effect, row.amount))
        return Explanation("48 points: 1 for every euro of 32.40.", **facts) if row.external_id == "A-1" else None

    monkeypatch.setitem(app.extensions, f"{EXPLAINED}shop", [])
    explain(app, "shop", explainer)
    for number in (1, 2):
        credit = ledger.credit(
            ada.id, 48, EntryType.ORDER, source="shop", external_id=f"A-{number}", rules=RULES, at=NOW
        )
        ledger.post(session, [credit], NOW)
        found = told(client, session, ada)
        assert found.pop("lots")[0]["points"] == 48
        if number == 1:
            assert found == {"sentence": "48 points: 1 for every euro of 32.40. Good until 11 Mar 2027.", **facts}
        else:
            assert found["sentence"] == "48 points for an order. Good until 11 Mar 2027."
    earn(session, ada, 5, external_id="A-1")
    assert told(client, session, ada)["sentence"].startswith("5 points for an order.")
    assert asked == [(ada.id, "A-1", "credit", 48), (ada.id, "A-2", "credit", 48)]
