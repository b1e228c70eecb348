"""The console of earning rules: a form that keeps what it is not asked to change, versions, and carts to try."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.earning import RuleTerms, put_rule
from portal.earning.models import EarningRule, EarningRuleVersion
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import AuditEntry
from tests.architecture.forms import forms_of
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_tier
from tests.statements import counted

LIST = "/admin/programme/earning-rules"
NEW = "/admin/programme/new-earning-rule"
TRY = "/admin/programme/try-a-cart"
ROW = 'data-testid="row"'
TYPED = {"text", "number", "textarea", "select", "datetime-local"}
SPEND = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}
ORDER = {"name": "Order", "kind": "order", "points": 5}
WRITTEN: dict[str, dict[str, Any]] = {
    "spend": SPEND,
    "item": {"name": "Item", "kind": "item", "points": 1_000_000_000},
    "order": ORDER,
    "event": {"name": "Review", "kind": "event", "points": 5, "eventType": "a  review"},
    "sign up": {"name": "Welcome", "kind": "sign_up", "points": 5},
    "birthday": {"name": "Birthday", "kind": "birthday", "points": 5, "notTiers": ["gold", "no tier any more"]},
    "first order": {"name": "First", "kind": "first_order", "points": 5},
    "multiplier": {"name": "Double", "kind": "multiplier", "multiplier": "002.50", "stacks": True},
    "what its kind does not use": {**ORDER, "perAmount": 7, "step": "whole", "multiplier": "2", "stacks": True},
    "defaults that are written": {
        **SPEND,
        "active": True,
        "from": None,
        "weekdays": [],
        "tiers": [],
        "minimumBasis": 0,
        "step": "proportional",
        "limits": {},
        "priority": 0,
        "stacks": False,
        "excludeDiscounted": False,
        "pendingDays": None,
        "qualifies": {"tier": True, "streak": True},
        "onPartialRefund": None,
        "multiplier": None,
    },
    "nothing of its limits": {**ORDER, "limits": {"perOrder": None, "perMember": None}, "qualifies": {}},
    "paused": {**ORDER, "active": False},
    "never expires": {**ORDER, "expiryMonths": None},
    "expires": {**ORDER, "expiryMonths": 18, "pendingDays": 0},
    "an hour that is there twice": {**ORDER, "from": "2026-10-25T00:30:00.123456Z", "until": "2026-10-25T01:30:00Z"},
    "far times": {**ORDER, "from": "1900-01-01T00:00:00Z", "until": "8999-12-31T23:59:59Z"},
    "codes": {
        **SPEND,
        "products": ["gid://shop/Product/1", "a, b", "a;b"],
        "skus": ["<b>&amp;\"'", "Ünï", "\u200b"],
        "categories": [f"category {number}" for number in range(1000)],
        "excludeProducts": ["x"],
        "excludeSkus": ["y  z"],
        "excludeCategories": ["sale"],
        "excludeDiscounted": True,
        "channels": ["web"],
        "currencies": ["EUR", "euro"],
        "tiers": ["gold"],
        "weekdays": [1, 7],
    },
    "limits": {
        **ORDER,
        "minimumBasis": 5000,
        "limits": {"perOrder": 1, "perMember": {"times": 3, "window": "ever"}, "programme": 10},
        "priority": -1000,
        "onPartialRefund": "keep_until_zero",
        "qualifies": {"tier": False},
    },
    "a limit of points": {**ORDER, "limits": {"perMember": {"points": 3, "times": None, "window": "week"}}},
    "two lines in a name": {**ORDER, "name": "Tea\nand  cups"},
}


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in, in a programme with two tiers."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    make_tier(session, "bronze", 0)
    make_tier(session, "gold", 500, benefits=[{"kind": "earn_multiplier", "label": "More", "value": "1.5"}])
    return client


def write(session: Session, slug: str, terms: dict[str, Any]) -> None:
    put_rule(session, slug, RuleTerms.model_validate(terms), Act("user:api", clock.now()))


def stored(session: Session, slug: str) -> tuple[int, dict[str, Any]]:
    """The version of a rule that holds, and its terms."""
    session.expire_all()
    version = session.get_one(EarningRule, slug).version
    return version, session.get_one(EarningRuleVersion, (slug, version)).terms


def as_shown(client: FlaskClient, path: str, action: str) -> dict[str, list[str]]:
    """What a browser sends of the form that this page sends there, as it is shown."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    form = next(form for form in forms_of(answer.text, path) if form.action.partition("#")[0] == action)
    return {**{name: [""] for name, kind in form.empty.items() if kind in TYPED}, **form.fields}


def save(client: FlaskClient, slug: str, **typed: Any) -> Any:
    """Open a rule's form, type this, and save."""
    path = f"{LIST}/{slug}"
    return client.post(path, data={**as_shown(client, path, path), "reason": ["as agreed"], **typed})


def create(client: FlaskClient, **typed: Any) -> Any:
    return client.post(NEW, data={**as_shown(client, NEW, NEW), "reason": ["as agreed"], **typed})


def changed(session: Session, before: dict[str, Any], slug: str) -> dict[str, Any]:
    """What a rule's terms have now that they had not before, and None for what is gone."""
    after = stored(session, slug)[1]
    return {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.parametrize("terms", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_form_that_is_saved_as_it_was_opened_changes_nothing(
    operator: FlaskClient, session: Session, terms: dict[str, Any]
) -> None:
    write(session, "tea", terms)
    before = stored(session, "tea")
    assert save(operator, "tea").status_code == 303
    assert stored(session, "tea") == before
    assert before[0] == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"name": "Tea"}, {"name": "Tea"}),
        ({"points": "1,200"}, {"points": 1200}),
        ({"per_amount": "12,50"}, {"perAmount": 1250}),
        ({"step": "whole"}, {"step": "whole"}),
        ({"products": " a \r\n\r\nb\r\na"}, {"products": ["a", "b"]}),
        ({"exclude_categories": "sale"}, {"excludeCategories": ["sale"]}),
        ({"exclude_discounted": "y"}, {"excludeDiscounted": True}),
        ({"minimum_basis": "1,200.5"}, {"minimumBasis": 120_050}),
        ({"priority": "−5"}, {"priority": -5}),
        ({"from_": "2026-07-01T12:00"}, {"from": "2026-07-01T12:00:00Z"}),
        ({"until": "2026-07-01T12:00:30"}, {"until": "2026-07-01T12:00:30Z"}),
        ({"weekdays": ["6", "7"]}, {"weekdays": [6, 7]}),
        ({"tiers": ["gold"]}, {"tiers": ["gold"]}),
        ({"not_tiers": ["bronze", "gold"]}, {"notTiers": ["bronze", "gold"]}),
        ({"channels": "web\r\nstore"}, {"channels": ["store", "web"]}),
        ({"currencies": "EUR"}, {"currencies": ["EUR"]}),
        ({"per_order": "50"}, {"limits": {"perOrder": 50}}),
        ({"member_most": "2", "member_measure": "times"}, {"limits": {"perMember": {"times": 2, "window": "day"}}}),
        ({"programme": "9000"}, {"limits": {"programme": 9000}}),
        ({"pending_days": "0"}, {"pendingDays": 0}),
        ({"expiry": "months", "expiry_months": "6"}, {"expiryMonths": 6}),
        ({"qualifies_tier": []}, {"qualifies": {"tier": False}}),
        ({"on_partial_refund": "recompute"}, {"onPartialRefund": "recompute"}),
        ({"kind": "order"}, {"kind": "order", "perAmount": None}),
        (
            {"kind": "multiplier", "multiplier": "1.5"},
            {"kind": "multiplier", "multiplier": "1.5", "points": None, "perAmount": None},
        ),
        ({"kind": "event", "event_type": "review"}, {"kind": "event", "eventType": "review", "perAmount": None}),
    ],
)
def test_a_change_writes_what_was_typed_and_nothing_else(
    operator: FlaskClient, session: Session, typed: dict[str, Any], expected: dict[str, Any]
) -> None:
    write(session, "tea", SPEND)
    assert save(operator, "tea", **typed).status_code == 303
    assert changed(session, SPEND, "tea") == expected
    entry = session.scalars(select(AuditEntry).where(AuditEntry.reason == "as agreed")).one()
    assert (entry.action, entry.object_id, entry.actor) == ("earning_rule.put", "tea", "user:olu")


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ({"limits": {"perOrder": 5}}, {"per_order": ""}),
        ({"limits": {"perMember": {"points": 5, "window": "day"}}}, {"member_most": ""}),
        ({"expiryMonths": None}, {"expiry": "programme"}),
        ({"expiryMonths": 5}, {"expiry": "programme"}),
        ({"weekdays": [1]}, {"weekdays": []}),
        ({"qualifies": {"streak": False}}, {"qualifies_streak": "y"}),
        ({"from": "2026-01-01T00:00:00Z"}, {"from_": ""}),
        ({"minimumBasis": 5}, {"minimum_basis": "0"}),
        ({"skus": ["a"]}, {"skus": " "}),
        ({"tiers": ["gone"]}, {"tiers": []}),
    ],
)
def test_what_is_emptied_is_left_out_again(
    operator: FlaskClient, session: Session, before: dict[str, Any], typed: dict[str, Any]
) -> None:
    write(session, "tea", {**SPEND, **before})
    assert save(operator, "tea", **typed).status_code == 303
    assert stored(session, "tea") == (2, SPEND)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": " "}, "Enter a name."),
        ({"points": ""}, "Enter how many points it pays."),
        ({"points": "0"}, "Enter a number from 1"),
        ({"points": "1e3"}, "Enter a whole number"),
        ({"per_amount": ""}, "Enter the amount that brings them."),
        ({"per_amount": "0"}, "Enter an amount above 0"),
        ({"per_amount": "1.005"}, "Enter an amount, such as 12.50."),
        ({"per_amount": "-1"}, "Enter an amount, such as 12.50."),
        ({"kind": "multiplier"}, "Enter what it multiplies by."),
        ({"kind": "multiplier", "multiplier": "2,5"}, "Enter a number such as 1.5"),
        ({"kind": "multiplier", "multiplier": "0.0"}, "Enter a number above 0."),
        ({"kind": "event"}, "Enter the type of event"),
        ({"kind": "gift"}, "Choose one of the list."),
        ({"from_": "2026-07-02T00:00", "until": "2026-07-01T00:00"}, "This must be after the beginning."),
        ({"from_": "0001-01-01T00:00"}, "Choose another year."),
        ({"weekdays": ["8"]}, "Choose from the list."),
        ({"tiers": ["mithril"]}, "Choose from the list."),
        ({"expiry": "months"}, "Enter after how many months."),
        ({"pending_days": "4000"}, "Enter a number from 0 to 3650."),
        ({"products": "\n".join(map(str, range(1001)))}, "Enter at most 1000 lines."),
        ({"skus": "x" * 129}, "Use at most 128 characters in a line."),
        ({"channels": "a\x00"}, "cannot be stored"),
        ({"reason": " "}, "Say why, for the audit log."),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_typed_values_stay(
    operator: FlaskClient, session: Session, typed: dict[str, Any], said: str
) -> None:
    write(session, "tea", SPEND)
    answer = save(operator, "tea", **{"categories": "kept as typed", **typed})
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert "kept as typed" in answer.text
    assert stored(session, "tea")[0] == 1


def test_a_new_rule_takes_nobodys_id(operator: FlaskClient, session: Session) -> None:
    typed = {"name": "Tea", "points": "2", "per_amount": "1.00"}
    assert create(operator, **typed, slug="base").status_code == 422
    assert create(operator, **typed, slug="Tea!").status_code == 422
    assert create(operator, **typed, slug="tea").status_code == 303
    assert stored(session, "tea") == (1, {"name": "Tea", "kind": "spend", "points": 2, "perAmount": 100})
    assert create(operator, **typed, slug="later", active=[]).status_code == 303
    assert stored(session, "later")[1]["active"] is False


def test_who_saves_what_somebody_else_changed_meanwhile_is_told_first(operator: FlaskClient, session: Session) -> None:
    write(session, "tea", SPEND)
    opened = as_shown(operator, f"{LIST}/tea", f"{LIST}/tea")
    write(session, "tea", {**SPEND, "points": 3})
    typed = {**opened, "name": ["Tea"], "reason": ["as agreed"]}

    tried = operator.post(f"{LIST}/tea/try", data={**typed, **CART, "idempotency_key": []})
    assert tried.status_code == 200
    assert f'value="{opened["seen"][0]}"' in tried.text
    told = operator.post(f"{LIST}/tea", data=typed)

    assert (told.status_code, stored(session, "tea")[0]) == (409, 2)
    assert "user:api has saved version 2 meanwhile." in told.text
    again = next(form for form in forms_of(told.text, f"{LIST}/tea") if "idempotency_key" in form.fields)
    assert again.fields["name"] == ["Tea"]
    sent = {**typed, "seen": again.fields["seen"], "idempotency_key": again.fields["idempotency_key"]}
    assert operator.post(f"{LIST}/tea", data=sent).status_code == 303
    assert stored(session, "tea") == (3, {**SPEND, "name": "Tea"})


def test_a_rule_is_paused_and_resumed(operator: FlaskClient, session: Session) -> None:
    write(session, "tea", {**SPEND, "expiryMonths": None})

    def ask(verb: str, reason: str) -> int:
        form = {"csrf_token": csrf(operator), "idempotency_key": ids.encode(ids.new_id()), "reason": reason}
        return operator.post(f"{LIST}/tea/{verb}", data=form).status_code

    assert ask("pause", " ") == 422
    assert ask("pause", "sold out") == 303
    assert stored(session, "tea") == (2, {**SPEND, "expiryMonths": None, "active": False})
    assert operator.get(f"{LIST}?state=paused").text.count(ROW) == 1
    assert ask("resume", "back") == 303
    assert stored(session, "tea") == (3, {**SPEND, "expiryMonths": None, "active": True})
    assert [entry.reason for entry in session.scalars(select(AuditEntry).where(AuditEntry.actor == "user:olu"))] == [
        "sold out",
        "back",
    ]


def test_the_list_says_what_rules_bring_and_finds_them(operator: FlaskClient, session: Session) -> None:
    write(session, "tea", {**SPEND, "name": "Tea week", "points": 2, "categories": ["tea"], "weekdays": [6]})
    write(
        session, "double", {"name": "Double", "kind": "multiplier", "multiplier": "2", "until": "2020-01-01T00:00:00Z"}
    )
    write(session, "soon", {**ORDER, "from": "2999-01-01T00:00:00Z", "minimumBasis": 5000})
    rows = [line.split(",") for line in operator.get(f"{LIST}?format=csv").text.splitlines()[1:]]
    assert {row[1]: row[2:4] for row in rows} == {
        "base": ["Spend", "1 point for every €1.00"],
        "double": ["Multiplier", "2 times the points"],
        "soon": ["Order", "5 points for each order"],
        "tea": ["Spend", "2 points for every €1.00"],
    }
    for query, found in {
        "state=over": ["double"],
        "state=to+come": ["soon"],
        "state=active": ["base", "tea"],
        "kind=spend": ["base", "tea"],
        "find=WEEK": ["tea"],
        "find=base": ["base"],
    }.items():
        page = operator.get(f"{LIST}?{query}").text
        assert re.findall(r'data-key="([\w-]+)"', page) == found, query
    page = operator.get(LIST).text
    for said in ("Always, for everybody", "Saturday; category tea", "from €50.00", "Until 1 January 2020"):
        assert said in page


CHANGES = [
    ({**SPEND, "points": 2}, "Points: 1 → 2."),
    ({**SPEND, "perAmount": 250}, "For every: €1.00 → €2.50."),
    ({**SPEND, "name": "Tea", "active": False}, "Active: yes → no. Name: Every order → Tea."),
    ({**SPEND, "kind": "order"}, "Kind: Spend → Order."),
    ({**SPEND, "categories": ["cups", "tea"]}, "Categories: + cups, + tea."),
    ({**SPEND, "weekdays": [6, 7]}, "Weekdays: + Saturday, + Sunday."),
    ({**SPEND, "from": "2026-07-01T00:00:00Z"}, "From: – → 1 July 2026 at 00:00 UTC."),
    ({**SPEND, "limits": {"perMember": {"times": 2, "window": "month"}}}, "Most for a member: – → 2 times a month."),
    (
        {**SPEND, "limits": {"perMember": {"points": 1200, "window": "ever"}}},
        "Most for a member: – → 1,200 points ever.",
    ),
    ({**SPEND, "expiryMonths": None}, "Months to expiry: as the programme says → never."),
    ({**SPEND, "expiryMonths": 6}, "Months to expiry: as the programme says → 6."),
    ({**SPEND, "pendingDays": 14}, "Days to wait: as the programme says → 14."),
    ({**SPEND, "qualifies": {"tier": False}}, "Counts towards tiers: yes → no."),
    ({**SPEND, "step": "whole"}, "Counted: in proportion → for each full amount."),
    ({**SPEND, "onPartialRefund": "recompute"}, "On a partial refund: as usual → compute again from what is left."),
    ({**SPEND, "active": True}, "The same, written in another way."),
]


@pytest.mark.parametrize(("after", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_versions_say_what_each_changed_and_who(
    operator: FlaskClient, session: Session, after: dict[str, Any], said: str
) -> None:
    write(session, "tea", SPEND)
    write(session, "tea", after)
    page = operator.get(f"{LIST}/tea/versions").text
    assert re.findall(r'data-key="(\d+)"', page) == ["2", "1"]
    assert said in page
    assert "The first version." in page
    assert page.count("user:api") == 2


def test_every_field_of_a_rule_is_in_its_history(operator: FlaskClient, session: Session) -> None:
    """Whatever an operator can change is told."""
    for number, terms in enumerate(WRITTEN.values()):
        write(session, f"tea-{number}", SPEND)
        write(session, f"tea-{number}", terms)
        page = operator.get(f"{LIST}/tea-{number}/versions").text
        assert (" → " in page or ": + " in page) == (terms not in (SPEND, WRITTEN["defaults that are written"])), terms


def tried(client: FlaskClient, path: str, **typed: Any) -> str:
    answer = client.post(path, data={**as_shown(client, path, path), "reason": "", **typed})
    assert answer.status_code == 200, answer.text
    return answer.text


def points_of(page: str) -> list[int]:
    return [int(points) for points in re.findall(r'data-points="(\d+)"', page)]


CART = {
    "cart-lines-0-amount": "60",
    "cart-lines-0-sku": "TEA-1",
    "cart-lines-1-amount": "40.00",
    "cart-lines-1-discount": "10",
    "cart-lines-1-categories": "cups, sale",
    "cart-placed_at": "2026-03-04T12:00",
}


@pytest.mark.parametrize(
    ("typed", "points"),
    [
        ({}, [90, 180]),
        ({"skus": "TEA-1"}, [90, 150]),
        ({"exclude_categories": "sale"}, [90, 150]),
        ({"cart-tier": "gold"}, [135, 270]),
        ({"cart-discount": "9", "cart-points_part": "1"}, [80, 160]),
        ({"cart-lines-0-kind": "gift_card"}, [30, 60]),
        ({"weekdays": ["4"]}, [90, 90]),
        ({"tiers": ["gold"]}, [90, 90]),
        ({"channels": "app", "cart-channel": "app"}, [90, 180]),
        ({"kind": "item", "points": "7", "cart-lines-0-quantity": "3"}, [90, 118]),
        ({"kind": "first_order", "points": "7"}, [90, 90]),
        ({"kind": "first_order", "points": "7", "cart-first_order": "y"}, [90, 97]),
        ({"kind": "multiplier", "multiplier": "3"}, [90, 270]),
        ({"kind": "event", "event_type": "review"}, [90, 90]),
        ({"member_most": "100"}, [90, 100]),
        ({"per_order": "50"}, [90, 50]),
    ],
)
def test_a_cart_shows_what_the_draft_would_earn_beside_what_holds(
    operator: FlaskClient, session: Session, typed: dict[str, Any], points: list[int]
) -> None:
    """Of two rules for every line the draft has the higher priority; it is paused, and tried as if it were not."""
    write(session, "tea", {**SPEND, "priority": 1, "active": False})
    before = session.scalar(select(func.count()).select_from(AuditEntry))
    page = tried(operator, f"{LIST}/tea/try", **{**CART, "points": "2", **typed})
    assert points_of(page) == points
    assert stored(session, "tea")[0] == 1
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_a_cart_is_tried_on_a_rule_that_is_new_and_on_none(operator: FlaskClient, session: Session) -> None:
    page = tried(operator, f"{NEW}/try", **CART, slug="tea", name="Tea", kind="order", points="5")
    assert points_of(page) == [90, 95]
    assert "5 points for the order" in page
    assert session.get(EarningRule, "tea") is None
    page = tried(operator, TRY, **CART)
    assert points_of(page) == [90]
    assert "90 points: 1 for every €1.00 of €90.00" in page


def test_a_cart_counts_what_the_programme_lets_count(operator: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    config = operator.application.config
    shipped = {**CART, "cart-lines-0-kind": "shipping", "cart-points_part": "5"}
    assert points_of(tried(operator, TRY, **shipped)) == [25]
    changed = {"earn_on_shipping": True, "earn_on_points_part": True}
    monkeypatch.setitem(config, "SETTINGS", config["SETTINGS"].model_copy(update=changed))
    assert points_of(tried(operator, TRY, **shipped)) == [90]


def test_rules_that_lose_say_why_and_what_does_not_count_is_named(operator: FlaskClient, session: Session) -> None:
    write(session, "big", {**ORDER, "minimumBasis": 50_000})
    write(session, "tea", {**SPEND, "skus": ["TEA-1"], "points": 3})
    write(session, "double", {"name": "Double", "kind": "multiplier", "multiplier": "1.25"})
    write(session, "hello", {"name": "Hello", "kind": "sign_up", "points": 5})
    page = tried(operator, TRY, **CART, **{"cart-tier": "gold", "cart-points_part": "9"})
    found = dict(re.findall(r'data-rule="([\w-]+)">.*?<br>(.*?)</li>', page, re.DOTALL))
    assert {slug: " ".join(said.split()) for slug, said in found.items()} == {
        "tea": "243 points: 3 for every €1.00 of €54.00, times 1.5",
        "base": "40 points: 1 for every €1.00 of €27.00, times 1.5",
        "big": "The lines that it pays for are below its minimum.",
        "double": "A better multiplier counts, or there are no points to multiply.",
        "hello": "It does not pay for orders.",
    }
    assert "what is paid with points (€9.00)" in " ".join(page.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            {"cart-lines-0-amount": "", "cart-lines-1-amount": "", "cart-lines-1-discount": ""},
            "Enter the amount of at least one line.",
        ),
        ({"cart-lines-0-amount": "much"}, "Line 1, amount: Enter an amount"),
        ({"cart-lines-1-discount": "41"}, "Line 2, discount: The discount is more than the amount."),
        ({"cart-lines-1-quantity": "0"}, "Line 2, quantity: Enter a number from 1"),
        ({"cart-placed_at": "soon"}, "Enter a date and time"),
        ({"cart-tier": "mithril"}, "Choose one of the list."),
    ],
)
@pytest.mark.parametrize("path", [TRY, f"{LIST}/base/try"])
def test_a_cart_that_cannot_be_is_refused_and_stays_as_typed(
    operator: FlaskClient, typed: dict[str, str], said: str, path: str
) -> None:
    sent = {**as_shown(operator, path, path), **CART, **typed}
    answer = operator.post(path, data=sent)
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert 'value="cups, sale"' in answer.text


def test_a_cart_waits_for_a_draft_that_makes_sense(operator: FlaskClient) -> None:
    path = f"{LIST}/base/try"
    answer = operator.post(path, data={**as_shown(operator, path, path), **CART, "points": "many"})
    assert answer.status_code == 422
    assert "Enter a whole number" in answer.text
    assert "Say why" not in answer.text
    assert points_of(answer.text) == []


def test_pages_send_at_most_eight_statements(operator: FlaskClient, session: Session) -> None:
    for path in (LIST, NEW, f"{LIST}/base", f"{LIST}/base/try", f"{LIST}/base/versions", f"{LIST}/base/pause", TRY):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, (path, sent)


def test_an_unknown_rule_is_not_found(operator: FlaskClient) -> None:
    for path in ("none", "none/try", "none/versions", "none/pause"):
        assert operator.get(f"{LIST}/{path}").status_code == 404
