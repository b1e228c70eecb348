"""Events over HTTP: once for ever, by rules of their type, within limits, pending or at once (CONTRACT-EARNING 8.2)."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.earning.models import EarningGrant, Event
from portal.ledger.models import LedgerEntry, PendingEntry, PointLot, StreakWeek
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import RULES, make_member, make_tier

BASE = "/api/v1/loyalty"
REVIEW = {"name": "Review", "kind": "event", "eventType": "review", "points": 50}
DAY = timedelta(days=1)


@pytest.fixture
def ada(session: Session) -> Iterator[Member]:
    """A member; in the end, everything is recomputed from the ledger."""
    yield make_member(session, make_user(session, id="ada"))
    session.expire_all()
    assert find_differences(session) == []


@pytest.fixture
def shop(client: FlaskClient, session: Session) -> "Shop":
    return Shop(client, make_token(session, "orders"), make_token(session, "admin"))


class Shop:
    """A shop that writes rules and tells events."""

    def __init__(self, client: FlaskClient, token: str, admin: str) -> None:
        self.client, self.token, self.admin = client, token, admin

    def rule(self, slug: str = "review", **fields: Any) -> None:
        answer = self.client.put(f"{BASE}/earning-rules/{slug}", json=REVIEW | fields, headers=bearer(self.admin))
        assert answer.status_code in (200, 201), answer.text

    def send(self, event_id: str, **fields: Any) -> Any:
        body = {"eventId": event_id, "userId": "ada", "type": "review", **fields}
        return self.client.post(f"{BASE}/events", json=body, headers=bearer(self.token))

    def tell(self, event_id: str, **fields: Any) -> dict[str, Any]:
        answer = self.send(event_id, **fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.get_json())

    def outcomes(self, event_id: str, **fields: Any) -> list[tuple[str, str, int]]:
        told = self.tell(event_id, **fields)["outcomes"]
        return [(each["rule"], each["outcome"], each["points"]) for each in told]


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_an_event_pays_by_the_rules_of_its_type_and_says_so(shop: Shop, session: Session, ada: Member) -> None:
    shop.rule()
    shop.rule("photo", name="Photo", points=1, priority=5)
    shop.rule("visit", name="Visit", eventType="visit")
    answer = shop.tell("e-1", attributes={"stars": 5})
    assert answer["outcomes"] == [
        {"rule": "photo", "outcome": "granted", "points": 1, "sentence": "1 point for “Photo”."},
        {"rule": "review", "outcome": "granted", "points": 50, "sentence": "50 points for “Review”."},
    ]
    assert [(entry["entryType"], entry["amount"]) for entry in answer["entries"]] == [("event", 1), ("event", 50)]
    assert answer["entries"][1]["metadata"] == {
        "event_id": "e-1",
        "event_type": "review",
        "rule": "review",
        "rule_version": 1,
    }
    page = shop.client.get(f"{BASE}/ledger", headers=bearer(make_token(session, "member"), "ada")).get_json()
    assert page["entries"] == answer["entries"][::-1]
    grants = session.scalars(select(EarningGrant).order_by(EarningGrant.slug)).all()
    assert [(each.slug, each.source, each.external_id, each.granted) for each in grants] == [
        ("photo", "event", "e-1", 1),
        ("review", "event", "e-1", 50),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence", "cap"),
    [
        ({}, "50 points for “Review”.", None),
        ({"limits": {"perOrder": 20}}, "20 points: 50 for “Review”, cut to the most at once.", "order"),
    ],
)
def test_its_entry_explains_itself(
    shop: Shop, session: Session, ada: Member, fields: dict[str, Any], sentence: str, cap: str | None
) -> None:
    shop.rule(**fields)
    entry = shop.tell("e-1")["entries"][0]
    shop.rule(name="Renamed")
    token = bearer(make_token(session, "member"), "ada")
    told = shop.client.get(f"{BASE}/ledger/{entry['id']}", headers=token).get_json()["explanation"]
    assert told["sentence"].startswith(sentence)
    assert told["rule"] == {"slug": "review", "version": 1, "name": "Review"}
    assert (told["cap"], told["order"]) == (cap, None)


def test_it_counts_once_for_ever_and_other_content_is_refused(shop: Shop, session: Session, ada: Member) -> None:
    make_member(session, make_user(session, id="bob"))
    shop.rule()
    at = clock.now() - DAY
    body = {"occurredAt": at.isoformat(), "attributes": {"product": "mug", "stars": 5}}
    first = shop.tell("e-1", **body)
    shop.rule(points=70)
    with clock.at(clock.now() + 400 * DAY):
        berlin = at.astimezone(ZoneInfo("Europe/Berlin")).isoformat()
        same = {"occurredAt": berlin, "attributes": {"stars": 5, "product": "mug"}}
        again = shop.send("e-1", **same)
        assert (again.status_code, again.get_json()) == (200, first)
        for other in (
            {**body, "type": "visit"},
            {**body, "userId": "bob"},
            {**body, "occurredAt": (at + DAY / 2).isoformat()},
            {**body, "attributes": {"product": "mug", "stars": 4}},
            {"attributes": body["attributes"]},
            {"occurredAt": body["occurredAt"]},
        ):
            assert problem(shop.send("e-1", **other)) == (409, "event_conflict")
    session.refresh(ada)
    assert ada.balance == 50


def test_one_without_a_rule_is_known_all_the_same(shop: Shop, session: Session, ada: Member) -> None:
    assert shop.tell("e-1") == {"outcomes": [], "entries": []}
    shop.rule()
    assert (shop.send("e-1").status_code, shop.send("e-1").get_json()["outcomes"]) == (200, [])
    assert session.scalar(select(LedgerEntry.id)) is None


def test_what_it_was_about_is_not_kept(shop: Shop, session: Session, ada: Member) -> None:
    shop.rule()
    shop.tell("e-1", attributes={"friend": "secret@example.com"})
    kept = session.scalar(text("SELECT string_agg(e::text, '') FROM loyalty_events e"))
    assert "secret" not in (kept or "")
    assert "friend" not in (kept or "")


def test_a_user_becomes_a_member_and_nobody_is_made_up(shop: Shop, session: Session) -> None:
    make_user(session, id="ada")
    shop.rule()
    assert problem(shop.send("e-1", userId="nobody")) == (404, "user_not_found")
    assert session.scalars(select(Event)).all() == []
    assert shop.outcomes("e-1") == [("review", "granted", 50)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"eventId": "with space"}, "eventId"),
        ({"eventId": "x" * 129}, "eventId"),
        ({"type": ""}, "type"),
        ({"userId": "a\x00"}, "userId"),
        ({"occurredAt": "2026-11-20"}, "occurredAt"),
        ({"occurredAt": (datetime.now(UTC) + DAY).isoformat()}, "occurredAt"),
        ({"attributes": {"x": "y" * 5000}}, "attributes"),
        ({"attributes": ["x"]}, "attributes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_names_its_field(shop: Shop, ada: Member, fields: dict[str, Any], field: str) -> None:
    answer = shop.send("e-1", **fields)
    assert problem(answer) == (422, "validation_failed")
    assert [error["field"].split(".")[0] for error in answer.get_json()["errors"]] == [field]


def test_a_suspended_member_gets_nothing_then_nor_later(shop: Shop, session: Session, ada: Member) -> None:
    shop.rule()
    ada.status = "suspended"
    session.flush()
    told = {"rule": "review", "outcome": "not_matched", "points": 0}
    answer = {"outcomes": [{**told, "sentence": "The membership is suspended."}], "entries": []}
    assert shop.tell("e-1") == answer
    ada.status = "active"
    session.flush()
    assert shop.send("e-1").get_json() == answer
    session.refresh(ada)
    assert (ada.balance, ada.pending) == (0, 0)
    assert shop.outcomes("e-2") == [("review", "granted", 50)]


@pytest.mark.parametrize(
    ("fields", "at", "sentence"),
    [
        (
            {"from": "2026-03-01T00:00:00+00:00"},
            "2026-02-28T23:59:59+00:00",
            "It happened outside the time of this rule.",
        ),
        ({"from": "2026-03-01T00:00:00+00:00"}, "2026-03-01T00:00:00+00:00", None),
        (
            {"until": "2026-03-01T00:00:00+00:00"},
            "2026-03-01T00:00:00+00:00",
            "It happened outside the time of this rule.",
        ),
        ({"until": "2026-03-01T00:00:00+00:00"}, "2026-02-28T23:59:59+00:00", None),
        ({"weekdays": [7]}, "2026-03-01T22:59:59+00:00", None),  # Sunday in the programme's time zone, Berlin
        ({"weekdays": [7]}, "2026-03-01T23:00:00+00:00", "It is not for this day of the week."),
        ({"tiers": ["gold"]}, "2026-03-01T12:00:00+00:00", "It is not for members of this tier."),
        ({"tiers": ["base", "gold"]}, "2026-03-01T12:00:00+00:00", None),
        ({"notTiers": ["base"]}, "2026-03-01T12:00:00+00:00", "It is not for members of this tier."),
        ({"channels": ["pos"]}, "2026-03-01T12:00:00+00:00", "It is only for orders of some channels."),
    ],
)
def test_rules_are_judged_by_when_it_happened(
    app: Portal,
    shop: Shop,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    at: str,
    sentence: str | None,
) -> None:
    berlin = app.config["SETTINGS"].model_copy(update={"programme_timezone": ZoneInfo("Europe/Berlin")})
    monkeypatch.setitem(app.config, "SETTINGS", berlin)
    make_tier(session, "base", 0)
    make_member(session, make_user(session, id="ada"))
    shop.rule(**fields)
    (told,) = shop.tell("e-1", occurredAt=at)["outcomes"]
    if sentence is None:
        assert (told["outcome"], told["points"]) == ("granted", 50)
    else:
        wanted = ("not_matched", 0, sentence)
        assert (told["outcome"], told["points"], told["sentence"]) == wanted


def test_a_paused_rule_is_not_told_of(shop: Shop, ada: Member) -> None:
    shop.rule(active=False)
    assert shop.outcomes("e-1") == []


@pytest.mark.parametrize(
    ("limit", "paid"),
    [
        ({"perMember": {"points": 120, "window": "day"}}, [50, 50, 20, 0]),
        ({"perMember": {"times": 2, "window": "day"}}, [50, 50, 0, 0]),
        ({"programme": 130}, [50, 50, 30, 0]),
        ({"perOrder": 30}, [30, 30, 30, 30]),
        ({"perOrder": 30, "perMember": {"points": 50, "window": "ever"}, "programme": 45}, [30, 15, 0, 0]),
    ],
)
def test_limits_cut_and_say_so(shop: Shop, ada: Member, limit: dict[str, Any], paid: list[int]) -> None:
    shop.rule(limits=limit)
    at = "2026-03-01T12:00:00+00:00"
    answers = [shop.tell(f"e-{n}", occurredAt=at) for n in range(4)]
    assert [answer["outcomes"][0]["points"] for answer in answers] == paid
    told = [answer["outcomes"][0]["outcome"] for answer in answers]
    assert told == ["granted" if points == 50 else "limited" for points in paid]
    assert [len(answer["entries"]) for answer in answers] == [int(points > 0) for points in paid]


def test_the_words_of_a_limit(shop: Shop, session: Session, ada: Member) -> None:
    make_member(session, make_user(session, id="bob"))
    limits = {"perOrder": 40, "perMember": {"points": 60, "window": "week"}, "programme": 75}
    shop.rule(limits=limits)
    told = [shop.tell("e-1"), shop.tell("e-2"), shop.tell("e-3", userId="bob"), shop.tell("e-4", userId="bob")]
    assert [answer["outcomes"][0]["sentence"] for answer in told] == [
        "40 points: 50 for “Review”, cut to the most at once.",
        "20 points: 50 for “Review”, cut to the most for you in this time.",
        "15 points: 50 for “Review”, cut to all that was left of this offer.",
        "0 points: 50 for “Review”, cut to all that was left of this offer.",
    ]


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("day", "2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),  # 23 hours in Berlin
        ("day", "2026-10-25T22:59:59+00:00", "2026-10-25T23:00:00+00:00"),  # 25 hours
        ("week", "2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),
        ("month", "2026-10-31T22:59:59+00:00", "2026-10-31T23:00:00+00:00"),
        ("year", "2026-12-31T22:59:59+00:00", "2026-12-31T23:00:00+00:00"),
    ],
)
def test_windows_are_of_the_calendar_where_the_programme_lives(
    app: Portal, shop: Shop, ada: Member, monkeypatch: pytest.MonkeyPatch, window: str, inside: str, outside: str
) -> None:
    berlin = app.config["SETTINGS"].model_copy(update={"programme_timezone": ZoneInfo("Europe/Berlin")})
    monkeypatch.setitem(app.config, "SETTINGS", berlin)
    shop.rule(limits={"perMember": {"times": 1, "window": window}})
    first = (datetime.fromisoformat(inside) - timedelta(hours=20)).isoformat()
    with clock.at(datetime(2027, 6, 1, tzinfo=UTC)):
        assert shop.outcomes("outside", occurredAt=outside) == [("review", "granted", 50)]
        assert shop.outcomes("first", occurredAt=first) == [("review", "granted", 50)]
        assert shop.outcomes("inside", occurredAt=inside) == [("review", "limited", 0)]


def test_pending_days_count_from_when_it_happened(shop: Shop, session: Session, ada: Member) -> None:
    shop.rule(pendingDays=14, expiryMonths=2)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with clock.at(at + 4 * DAY):
        answer = shop.tell("e-1", occurredAt=at.isoformat())
    assert answer["outcomes"][0]["sentence"] == "50 points for “Review”. Active on 15 Mar."
    assert answer["entries"] == []
    session.refresh(ada)
    assert (ada.balance, ada.pending, ada.lifetime_earned) == (0, 50, 0)
    due = at + 14 * DAY
    assert ledger.activate_due(session, due - timedelta(seconds=1), rules=RULES) is None
    assert ledger.activate_due(session, due, rules=RULES) == {"entries": 1, "points": 50, "members": 1}
    entry = session.scalars(select(LedgerEntry)).one()
    pending = session.scalars(select(PendingEntry)).one()
    assert (entry.entry_type, entry.external_id, entry.qualifies_at) == ("event", "e-1", at)
    assert (entry.effect, pending.effect) == ("grant:0:review", "grant:0:review")
    lot = session.scalars(select(PointLot)).one()
    assert f"{lot.expires_at:%Y-%m-%d}" == "2026-05-15"
    assert str(session.scalars(select(StreakWeek.week)).one()) == "2026-02-23"
    with clock.at(due):
        assert shop.send("e-1", occurredAt=at.isoformat()).get_json() == answer
        late = shop.tell("e-2", occurredAt=(at - 14 * DAY).isoformat())
    assert [entry["amount"] for entry in late["entries"]] == [50], "its days are over when it is told"


@pytest.mark.parametrize(
    ("fields", "earned", "weeks", "expires"),
    [
        ({}, 50, 1, True),
        ({"qualifies": {"tier": False}}, 0, 1, True),
        ({"qualifies": {"streak": False}}, 50, 0, True),
        ({"expiryMonths": None}, 50, 1, False),
    ],
)
def test_what_it_counts_for(
    shop: Shop, session: Session, ada: Member, fields: dict[str, Any], earned: int, weeks: int, expires: bool
) -> None:
    shop.rule(**fields)
    at = clock.now() - 40 * DAY
    shop.tell("e-1", occurredAt=at.isoformat())
    session.refresh(ada)
    assert (ada.balance, ada.lifetime_earned) == (50, earned)
    assert session.scalars(select(StreakWeek.week)).all() == [RULES.week(at)] * weeks
    assert (session.scalars(select(PointLot)).one().expires_at is not None) is expires
    assert session.scalars(select(LedgerEntry.qualifies_at)).one() == at


def test_multipliers_and_spending_rules_do_not_touch_it(shop: Shop, session: Session, ada: Member) -> None:
    double = {"name": "Double", "kind": "multiplier", "multiplier": "2"}
    answer = shop.client.put(f"{BASE}/earning-rules/double", json=double, headers=bearer(shop.admin))
    assert answer.status_code == 201
    shop.rule()
    assert shop.outcomes("e-1") == [("review", "granted", 50)]


def committed_shop(app: Portal) -> Shop:
    with app.app_context(), unit_of_work() as session:
        make_member(session, make_user(session, id="ada"))
        return Shop(app.test_client(), make_token(session, "orders"), make_token(session, "admin"))


@pytest.mark.parametrize("known", [True, False])
def test_told_sixteen_times_at_once_it_is_granted_once(committed_app: Portal, known: bool) -> None:
    shop = committed_shop(committed_app)
    shop.rule(limits={"perMember": {"points": 500, "window": "day"}, "programme": 1000})
    if not known:
        with committed_app.app_context(), unit_of_work() as session:
            make_user(session, id="eve")
    user = "ada" if known else "eve"

    def tell(_: int) -> Any:
        return Shop(committed_app.test_client(), shop.token, shop.admin).send("e-1", userId=user)

    answers = at_once(committed_app, 16, tell)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 15}
    assert len({answer.text for answer in map(_sorted, answers)}) == 1
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalars(select(LedgerEntry.amount)).all() == [50]
        assert session.scalars(select(EarningGrant.granted)).all() == [50]
        assert find_differences(session) == []


class _sorted:
    """An answer whatever the order of its keys."""

    def __init__(self, answer: Any) -> None:
        self.text = repr(sorted(answer.get_json()["outcomes"][0].items()))


def test_limits_hold_for_many_events_at_once(committed_app: Portal) -> None:
    shop = committed_shop(committed_app)
    with committed_app.app_context(), unit_of_work() as session:
        for name in ("bob", "eve"):
            make_member(session, make_user(session, id=name))
    shop.rule(limits={"perMember": {"times": 3, "window": "day"}, "programme": 370})
    at = clock.now().isoformat()

    def tell(number: int) -> int:
        caller = Shop(committed_app.test_client(), shop.token, shop.admin)
        answer = caller.send(f"e-{number}", userId=("ada", "bob", "eve")[number % 3], occurredAt=at)
        assert answer.status_code == 201, answer.text
        return int(answer.get_json()["outcomes"][0]["points"])

    paid = at_once(committed_app, 15, tell)
    assert sum(paid) == 370
    assert sorted(paid, reverse=True)[:8] == [50] * 7 + [20]
    with committed_app.app_context(), unit_of_work() as session:
        assert max(session.scalars(select(Member.balance))) <= 150
        assert find_differences(session) == []
