"""`POST /ledger/{entryId}/reversal`: a credit is taken back by hand, as if it had never been (CONTRACT-EARNING 8.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.ledger.models import LedgerText
from portal.platform.models import AuditEntry
from tests.contract.api import Api, code
from tests.contract.document import Json
from tests.contract.orders import RULE, Orders, order_of, put_rule
from tests.contract.shop import Shop
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import complete, make_invite

pytestmark = pytest.mark.usefixtures("clean_ledger")
START = datetime(2030, 3, 6, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
REVIEW = {"kind": "event", "eventType": "review", "points": 50}


def send(shop: Shop, entry: Json, **body: Any) -> Any:
    return shop.api.post(f"/ledger/{entry['id']}/reversal", {"reason": "Mistyped", **body})


def reverse(shop: Shop, entry: Json, **body: Any) -> Json:
    answer = send(shop, entry, **body)
    assert answer.status_code == 201, answer.get_json()
    return dict(answer.get_json())


def tell(shop: Shop, user_id: str, event_id: str, **fields: Any) -> Json:
    answer = shop.api.post("/events", {"eventId": event_id, "userId": user_id, "type": "review", **fields})
    assert answer.status_code == 201, answer.get_json()
    return dict(answer.get_json())


def weeks(shop: Shop, user_id: str) -> tuple[int, bool]:
    streak = shop.member(user_id)["streak"]
    return streak["weeks"], streak["qualifiedThisWeek"]


def test_what_was_mistyped_leaves_no_trace(shop: Shop, ann: str, session: Session) -> None:
    shop.tier("bronze", 0)
    shop.tier("platinum", 100_000)
    shop.credit(ann, 50)
    wrong = shop.credit(ann, 100_000)
    entry = reverse(shop, wrong)
    after = shop.member(ann)
    assert (after["balance"], after["available"], after["lifetimeEarned"], after["owed"]) == (50, 50, 50, 0)
    assert (entry["entryType"], entry["amount"], entry["balanceAfter"]) == ("reversal", -100_000, 50)
    assert entry["description"] == "Mistyped"
    assert entry["metadata"] == {"entry_id": wrong["id"], "reverses": "adjust", "takes": {"own": 100_000}}
    assert shop.ledger(ann)[0] == entry
    why = shop.api.get(f"/ledger/{entry['id']}").get_json()["explanation"]
    assert why["sentence"] == "100,000 points taken back: “Mistyped”."
    audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "points.reverse")).one()
    assert (audited.reason, (audited.before or {})["lifetimeEarned"], (audited.after or {})["lifetimeEarned"]) == (
        "Mistyped",
        100_050,
        50,
    )
    assert "Mistyped" in session.scalars(select(LedgerText.description)).all()


def test_in_parts_up_to_its_amount(shop: Shop, ann: str) -> None:
    credit = shop.credit(ann, 100)
    assert [reverse(shop, credit, points=30)["amount"] for _ in range(2)] == [-30, -30]
    refused = send(shop, credit, points=41)
    assert (code(refused), refused.get_json()["remaining"]) == ((409, "already_reversed"), 40)
    assert reverse(shop, credit)["amount"] == -40
    for body in ({}, {"points": 1}):
        refused = send(shop, credit, **body)
        assert (code(refused), refused.get_json()["remaining"]) == ((409, "already_reversed"), 0)
    assert (shop.member(ann)["balance"], shop.member(ann)["lifetimeEarned"]) == (0, 0)


@pytest.mark.parametrize(
    ("shortfall", "taken", "owed"), [("owe", 50, 50), ("available", 50, 0), ("order_only", 20, 0), (None, 50, 50)]
)
def test_what_they_do_not_have_any_more(shop: Shop, ann: str, shortfall: str | None, taken: int, owed: int) -> None:
    credit = shop.credit(ann, 100)
    shop.fulfill(shop.redeem(ann, points=80))
    shop.credit(ann, 30)
    entry = reverse(shop, credit, **({"shortfall": shortfall} if shortfall else {}))
    after = shop.member(ann)
    assert (entry["amount"], after["balance"], after["owed"], after["lifetimeEarned"]) == (-taken, 50 - taken, owed, 30)


def test_its_own_points_are_taken_first_though_others_expire_sooner(shop: Shop, ann: str) -> None:
    soon = (datetime.now(UTC) + 5 * DAY).isoformat()
    shop.credit(ann, 10, expiresAt=soon)
    credit = shop.credit(ann, 10, expiresAt=None)
    reverse(shop, credit)
    assert [lot["points"] for lot in shop.member(ann)["expiring"]] == [10]


def test_what_is_on_hold_stays(shop: Shop, ann: str) -> None:
    credit = shop.credit(ann, 100)
    made = shop.redeem(ann, points=70)
    assert reverse(shop, credit)["amount"] == -30
    assert shop.points(ann) == (70, 70, 0)
    assert shop.member(ann)["owed"] == 70
    shop.fulfill(made)


def test_what_has_expired_counts(shop: Shop, ann: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        credit = shop.credit(ann, 100, expiresAt=(START + 5 * DAY).isoformat())
        shop.fulfill(shop.redeem(ann, points=40))
        clock.shift(6 * DAY)
        shop.credit(ann, 500)
        # the sweep has not run yet: its points lie in its own lot
        assert reverse(shop, credit, points=10)["metadata"]["takes"] == {"own": 10}
        assert reverse(shop, credit)["metadata"]["takes"] == {"own": 50, "others": 40}
        assert shop.member(ann)["lifetimeEarned"] == 500


def test_one_that_counts_for_no_tier_takes_nothing_from_it(shop: Shop, ann: str) -> None:
    shop.credit(ann, 50)
    reverse(shop, shop.credit(ann, 70, countsTowardsTiers=False), points=20)
    assert (shop.member(ann)["balance"], shop.member(ann)["lifetimeEarned"]) == (100, 50)


def test_entries_that_something_else_takes_back(
    shop: Shop, admin: Api, orders: Orders, ann: str, session: Session
) -> None:
    put_rule(admin, "base", **RULE)
    (order,) = orders.put("A-1", order_of(5000, userId=ann))["entries"]
    refused = send(shop, order)
    assert (code(refused), refused.get_json()["orderReference"]) == ((409, "order_entry"), "A-1")
    bob = make_member(session, make_user(session))
    complete(session, make_invite(session, bob).code, make_user(session).id)
    assert code(send(shop, shop.ledger(bob.user_id)[0])) == (409, "referral_entry")


def test_entries_that_gave_nothing(shop: Shop, ann: str) -> None:
    credit = shop.credit(ann, 100)
    debit = shop.credit(ann, -10)
    spent = shop.fulfill(shop.redeem(ann, points=30))
    shop.api.post(f"/redemptions/{spent['id']}/refund", {"reason": "x"})
    restored, fulfilled = shop.ledger(ann)[:2]
    taken = reverse(shop, credit, points=5)
    before = shop.ledger(ann)
    for entry in (debit, fulfilled, restored, taken):
        assert code(send(shop, entry)) == (409, "entry_not_reversible")
    assert shop.ledger(ann) == before


def test_an_unknown_entry_is_not_found(shop: Shop) -> None:
    assert code(send(shop, {"id": "0" * 26})) == (404, "ledger_entry_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"points": 0},
        {"points": -1},
        {"points": 1.5},
        {"points": "10"},
        {"points": True},
        {"points": 10**15},
        {"reason": ""},
        {"reason": None},
        {"reason": "x" * 201},
        {"shortfall": "never"},
        {"shortfall": 1},
        {"note": "x"},
    ],
)
def test_bad_input_is_refused(shop: Shop, ann: str, body: dict[str, Any]) -> None:
    credit = shop.credit(ann, 100)
    assert send(shop, credit, **body).status_code == 422
    assert shop.points(ann) == (100, 0, 100)


def test_the_same_call_is_done_once(shop: Shop, ann: str) -> None:
    credit = shop.credit(ann, 100)
    path, key = f"/ledger/{credit['id']}/reversal", {"Idempotency-Key": "k-1"}
    first, again = (shop.api.post(path, {"points": 30, "reason": "x"}, headers=key) for _ in range(2))
    assert (first.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert shop.points(ann) == (70, 0, 70)


def test_a_week_with_nothing_else_is_none_of_the_streak(shop: Shop, ann: str) -> None:
    with time_machine.travel(START, tick=False) as clock:
        shop.credit(ann, 10)
        clock.shift(7 * DAY)
        wrong, other = shop.credit(ann, 10), shop.credit(ann, 10)
        clock.shift(7 * DAY)
        shop.credit(ann, 10)
        assert weeks(shop, ann) == (3, True)
        reverse(shop, wrong)
        reverse(shop, other, points=9)
        assert weeks(shop, ann) == (3, True), "a point of that week is left"
        reverse(shop, other)
        assert weeks(shop, ann) == (1, True)
        reverse(shop, shop.ledger(ann)[3])
        assert weeks(shop, ann) == (0, False)


def test_a_limit_gets_its_room_back_where_it_was_used(shop: Shop, admin: Api, ann: str) -> None:
    limits = {"perMember": {"points": 80, "window": "month"}, "programme": 120}
    put_rule(admin, "review", **REVIEW, limits=limits)
    with time_machine.travel(START, tick=False):
        first, second = tell(shop, ann, "e-1"), tell(shop, ann, "e-2")
        assert [each["outcomes"][0]["points"] for each in (first, second)] == [50, 30]
        assert tell(shop, ann, "e-3")["outcomes"][0]["points"] == 0
        reverse(shop, first["entries"][0], points=20)
        assert tell(shop, ann, "e-4")["outcomes"][0]["points"] == 20
        reverse(shop, second["entries"][0])
        february = (START - 20 * DAY).isoformat()
        assert tell(shop, ann, "e-5", occurredAt=february)["outcomes"][0]["points"] == 50
        assert tell(shop, ann, "e-6")["outcomes"][0]["points"] == 20, "the programme's limit leaves no more"
        assert shop.member(ann)["balance"] == 120


def test_times_are_given_back_by_a_full_reversal(shop: Shop, admin: Api, ann: str) -> None:
    put_rule(admin, "review", **REVIEW, limits={"perMember": {"times": 1, "window": "ever"}})
    (entry,) = tell(shop, ann, "e-1")["entries"]
    reverse(shop, entry, points=49)
    assert tell(shop, ann, "e-2")["entries"] == []
    reverse(shop, entry)
    assert [each["amount"] for each in tell(shop, ann, "e-3")["entries"]] == [50]


def test_one_rule_of_an_event_is_taken_back_and_the_other_stays(shop: Shop, admin: Api, ann: str) -> None:
    put_rule(admin, "review", **REVIEW)
    put_rule(admin, "photo", **{**REVIEW, "points": 20, "expiryMonths": 1})
    entries = {each["amount"]: each for each in tell(shop, ann, "e-1")["entries"]}
    taken = reverse(shop, entries[50])
    assert taken["metadata"]["takes"] == {"own": 50}
    assert (taken["metadata"]["rule"], taken["metadata"]["rule_version"]) == ("review", 1)
    assert [lot["points"] for lot in shop.member(ann)["expiring"]] == [20]
    why = shop.api.get(f"/ledger/{taken['id']}").get_json()["explanation"]
    assert why["sentence"] == "50 points taken back: “Mistyped”."


def test_what_waits_of_another_rule_is_left_alone(shop: Shop, admin: Api, ann: str) -> None:
    put_rule(admin, "review", **REVIEW)
    put_rule(admin, "photo", **{**REVIEW, "points": 20, "pendingDays": 9})
    (entry,) = tell(shop, ann, "e-1")["entries"]
    assert reverse(shop, entry)["amount"] == -50
    assert shop.member(ann)["pending"]["total"] == 20


def test_a_welcome_that_was_taken_back_may_be_had_no_second_time_by_joining(shop: Shop, admin: Api) -> None:
    put_rule(admin, "hello", kind="sign_up", points=25)
    body = {"email": "new@example.com", "name": "New"}
    assert shop.api.put("/api/v1/users/new", body).status_code == 201
    (entry,) = shop.ledger("new")
    reverse(shop, entry)
    assert shop.api.put("/api/v1/users/new", body).status_code == 200
    assert shop.member("new")["balance"] == 0
