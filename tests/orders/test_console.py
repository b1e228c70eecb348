"""The console of orders: found, explained, released and claimed."""

import csv
import re
from datetime import timedelta
from html import unescape
from io import StringIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger, members
from portal.orders.commands.claims import claim_waiting
from portal.orders.commands.operating import claim_order
from portal.orders.models import Order
from portal.orders.web.tables import ORDERS
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.console.tables import _page_statement, read_view
from portal.platform.models import AuditEntry
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_tier
from tests.factories.orders import LONG, make_orders, make_rule, order_rules, tell_order
from tests.statements import counted

LIST = "/admin/orders"


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in; Ada is a member."""
    make_tier(session, "base", 0, benefits=[{"kind": "earn_multiplier", "label": "More", "value": "1.5"}])
    make_member(session, make_user(session, id="ada", name="Ada", email="ada@example.com"))
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def orders(session: Session, operator: FlaskClient) -> list[str]:
    """One in every state, by their references."""
    return list(make_orders(session, "ada"))


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data=form).status_code


def keys(page: str) -> list[str]:
    return [unescape(key) for key in re.findall(r'data-key="([^"]+)"', page)]


def listed(client: FlaskClient, query: str) -> list[str]:
    return keys(client.get(f"{LIST}?{query}").text)


def words(client: FlaskClient, reference: str) -> str:
    """The text of an order's page, without tags and with single spaces."""
    answer = client.get(f"{LIST}/{reference}")
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.text)).split())


def part(client: FlaskClient, reference: str, name: str) -> str:
    """What a part of the page says, by its test id."""
    page = client.get(f"{LIST}/{reference}").text
    inside = page.partition(f'data-testid="{name}"')[2]
    assert inside, f"{reference} shows no {name}"
    inside = re.split(r"</(?:ul|ol|dl|section|table)>", inside.partition(">")[2])[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inside)).split())


def test_the_list_begins_with_the_last_placed_and_shows_money_in_its_own_currency(
    operator: FlaskClient, orders: list[str]
) -> None:
    page = operator.get(LIST).text
    assert keys(page) == orders
    assert ">¥174,750</span>" in page
    assert ">$46.90</span>" in page
    assert ">€1,065.98</span>" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("reference=T-P", ["T-PAID", "T-PLACED", "T-POST"]),
        ("reference=T-PAID", ["T-PAID"]),
        ("reference=t-paid", []),
        ("reference=T_PAID", []),
        ("reference=%25", []),
        ("reference=LONG", [LONG]),
        ("member=nobody-of-this-name", []),
        ("status=placed", ["T-PLACED"]),
        ("status=cancelled", ["T-CANCELLED"]),
        ("status=fulfilled", ["T-YEN"]),
        ("state=unclaimed", ["T-NOBODY"]),
        ("state=pending", ["T-PAID", "T-REFUND"]),
        ("state=warnings", ["T-PAID", "T-REFUND"]),
        ("state=nothing", ["T-NOBODY", "T-DOLLARS", "T-CANCELLED", "T-TEST", "T-PLACED", "T-POST"]),
        ("reason=currency_not_converted", ["T-DOLLARS"]),
        ("reason=nothing_eligible", ["T-POST"]),
        ("reason=not_paid&state=nothing", ["T-PLACED"]),
        ("reason=expired", []),
        ("sort=-total&reference=T-Y", ["T-YEN"]),
    ],
)
def test_filters_narrow_it(operator: FlaskClient, orders: list[str], query: str, expected: list[str]) -> None:
    assert listed(operator, query) == expected


@pytest.mark.parametrize("wanted", ["ada", "Ada", "ada@example.com"])
def test_a_member_is_found_as_everywhere(operator: FlaskClient, orders: list[str], wanted: str) -> None:
    assert listed(operator, f"member={wanted}") == [key for key in orders if key != "T-NOBODY"]


def test_it_is_sorted_by_total(operator: FlaskClient, session: Session) -> None:
    for number, amount in enumerate((300, 100, 200)):
        tell_order(session, f"S-{number}", amount)
    assert listed(operator, "sort=total") == ["S-1", "S-2", "S-0"]
    assert listed(operator, "sort=-total") == ["S-0", "S-2", "S-1"]


@pytest.mark.parametrize(
    "query", ["status=lost", "state=' OR true", "reason=x'", "sort=basis", "limit=7", "cursor=edited", "reference=%00"]
)
def test_what_there_is_not_is_refused(operator: FlaskClient, orders: list[str], query: str) -> None:
    assert operator.get(f"{LIST}?{query}").status_code in (400, 422)


def test_its_pages_are_turned(operator: FlaskClient, session: Session) -> None:
    for number in range(30):
        tell_order(session, f"P-{number:02}", placedAt=(clock.now() - timedelta(hours=number)).isoformat())
    page = operator.get(LIST).text
    further = unescape(re.findall(r'rel="next"\s+href="([^"]+)"', page)[0])
    assert keys(page) + keys(operator.get(further).text) == [f"P-{number:02}" for number in range(30)]


def test_the_export_has_amounts_in_the_smallest_unit(operator: FlaskClient, orders: list[str]) -> None:
    rows = {row["reference"]: row for row in csv.DictReader(StringIO(operator.get(f"{LIST}?format=csv").text))}
    assert set(rows) == set(orders)
    yen, dollars, paid = rows["T-YEN"], rows["T-DOLLARS"], rows["T-PAID"]
    assert (yen["amount"], yen["currency"], yen["basis_amount"]) == ("174750", "JPY", "106598")
    assert (dollars["amount"], dollars["basis_amount"], dollars["reason"]) == ("4690", "", "currency_not_converted")
    assert (paid["user_id"], paid["name"], paid["warnings"]) == ("ada", "Ada", "1")
    assert int(paid["points"]) > int(paid["pending"]) > 0


FILTERS: list[dict[str, str]] = [
    {},
    {"status": "paid"},
    {"state": "unclaimed"},
    {"state": "warnings"},
    {"state": "nothing"},
    {"reason": "currency_not_converted"},
]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("filters", FILTERS)
def test_orders_are_read_along_an_index(
    session: Session, orders: list[str], filters: dict[str, str], descending: bool
) -> None:
    session.execute(text("ANALYZE loyalty_orders"))
    for method in ("sort", "seqscan", "bitmapscan"):  # so few rows are sorted sooner than looked up
        session.execute(text(f"SET LOCAL enable_{method} = off"))
    for sort, at in (("placed_at", "2026-01-01"), ("total", "100")):
        if sort == "total" and filters:
            continue  # the index of the total, or the few rows that the filter finds, sorted
        conditions = read_view(ORDERS, filters).conditions
        statement = _page_statement(ORDERS, sort, descending, conditions, True).text
        values = {"sort_at": at, "sort_key": "X", "row_limit": 26}
        plan = "\n".join(line for (line,) in session.execute(text(f"EXPLAIN {statement}"), values))
        assert "Sort Key" not in plan, plan
        assert re.search(r"using ix_loyalty_orders_\w+ on loyalty_orders", plan), plan


def test_a_reference_is_looked_up_by_how_it_begins(session: Session, orders: list[str]) -> None:
    for method in ("seqscan", "bitmapscan"):
        session.execute(text(f"SET LOCAL enable_{method} = off"))
    statement = _page_statement(ORDERS, "placed_at", True, read_view(ORDERS, {"reference": "T-P"}).conditions, False)
    lines = session.execute(text(f"EXPLAIN {statement.text}"), {"reference": "T-P", "row_limit": 26})
    assert "ix_loyalty_orders_prefix" in "\n".join(line for (line,) in lines)


# --- the page of an order ---


def test_the_page_says_what_the_shop_said(operator: FlaskClient, orders: list[str]) -> None:
    lines = part(operator, "T-PAID", "lines")
    assert "decaf product – DECAF decaf 2 €24.00 €0.00 €1.57" in lines
    assert "mug product mug – – 1 €19.00 €1.00 €2.87" in lines
    assert "post shipping – – – 1 €4.90 €0.00 €0.00 €0.00 0" in lines
    said = words(operator, "T-PAID")
    assert "Discount of the whole order €2.00" in said
    assert "Referral code UNKNOWN" in said
    assert "€10.00 points" in words(operator, LONG)


def test_the_page_says_what_it_earns_by_which_rule(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    order = session.get_one(Order, "T-PAID")
    grants = part(operator, "T-PAID", "grants")
    assert "1 for every €1.00 of €14.27, times 1.5 because you are Base; tax and shipping earn nothing." in grants
    assert (
        "2 for every €1.00 of €21.29, times 2; tax and shipping earn nothing. Rule decaf , version 1; pending" in grants
    )
    figures = part(operator, "T-PAID", "figures")
    assert f"Total €44.90 Counts for points €35.56 Granted {order.granted} Pending 85 Active 21" in figures
    assert re.search(r"85 points become active on \d+ \w+ \.", part(operator, "T-PAID", "waiting"))


def test_the_page_says_which_rules_pay_nothing_and_why(operator: FlaskClient, orders: list[str]) -> None:
    verdicts = part(operator, "T-PAID", "verdicts")
    assert "Big big , version 1 The lines that it pays for are below its minimum." in verdicts
    assert "Double double , version 1 It takes part: 2 times the points of other rules." in verdicts
    assert "No line is one that it pays for." in part(operator, "T-YEN", "verdicts")


def test_rules_that_pay_for_no_orders_are_not_looked_at(operator: FlaskClient, session: Session) -> None:
    make_rule(session, "party", kind="birthday", points=5, limits={"perMember": {"times": 1, "window": "year"}})
    tell_order(session, "E-1", userId="ada")
    assert "party" not in words(operator, "E-1")


def test_a_rule_without_room_says_so(operator: FlaskClient, session: Session) -> None:
    make_rule(session, "gift", kind="order", points=5, limits={"perMember": {"times": 1, "window": "ever"}})
    tell_order(session, "G-1", userId="ada")
    tell_order(session, "G-2", userId="ada")
    assert "Nothing is left under its limits." in part(operator, "G-2", "verdicts")
    assert "gift 1 time." in words(operator, "G-1")
    assert "gift 0 times." in words(operator, "G-2")


def test_the_snapshot_holds_whatever_changes_later(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    make_rule(session, "decaf", kind="spend", points=9, perAmount=100, categories=["decaf"])
    assert "2 for every €1.00" in part(operator, "T-PAID", "grants")
    snapshot = part(operator, "T-PAID", "snapshot")
    assert "Tier Base, × 1.5" in snapshot
    assert "First order Yes Orders earn from paid Points become active when paid Points live 12 months" in snapshot
    assert "decaf version 1" in words(operator, "T-PAID")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("T-NOBODY", "The order belongs to no member yet. Who confirms the address that the shop named until"),
        ("T-DOLLARS", "The programme counts in EUR: once the shop tells the order with its exchangeRate"),
        ("T-CANCELLED", "The order was cancelled. Whatever it had granted was taken back."),
        ("T-TEST", "Test orders earn nothing. Whatever it contains counts for nothing."),
        ("T-PLACED", "The order has not been paid yet. It earns once the shop tells it as paid."),
        ("T-POST", "Nothing in this order earns points. What it has does not count: Shipping (€4.90)."),
    ],
)
def test_an_order_that_earns_nothing_explains_itself(
    operator: FlaskClient, orders: list[str], reference: str, said: str
) -> None:
    assert said in words(operator, reference)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"minimumBasis": 10_000}, "This order is too small to earn points. What each rule lacked stands below."),
        (
            {"tiers": ["gold"]},
            "There are no points for orders like this one right now. What each rule lacked stands below.",
        ),
        (
            {"active": False},
            "There are no points for orders like this one right now. What each rule lacked stands below.",
        ),
    ],
)
def test_an_order_that_no_rule_pays_for_leads_to_the_rules(
    operator: FlaskClient, session: Session, rule: dict[str, object], said: str
) -> None:
    make_rule(session, "base", kind="spend", points=1, perAmount=100, **rule)
    tell_order(session, "N-1", userId="ada")
    assert said in words(operator, "N-1")


def test_nobody_is_waited_for_when_nobody_was_named_or_the_time_is_over(
    operator: FlaskClient, session: Session
) -> None:
    tell_order(session, "W-1")
    tell_order(session, "W-2", email="who@example.com")
    assert "The shop named nobody." in words(operator, "W-1")
    session.get_one(Order, "W-2").received_at -= timedelta(days=31)
    session.flush()
    assert "only by hand can it still be claimed" in words(operator, "W-2")


def test_refunds_say_what_they_took_and_what_the_order_had_not_got(operator: FlaskClient, orders: list[str]) -> None:
    refunds = part(operator, "T-REFUND", "refunds")
    assert re.search(r"R-1 .*€25.00 of mug €18.00 €7.00 −\d+ it was broken", refunds)
    assert "Refund R-1 gives back more than the order has left." in part(operator, "T-REFUND", "warnings")


def test_an_order_given_back_whole_says_so(operator: FlaskClient, session: Session) -> None:
    refund = {"refundId": "R", "lines": [{"lineId": "1"}]}
    tell_order(session, "B-1", userId="ada", placedAt="2026-01-01T00:00:00Z")
    tell_order(session, "B-1", userId="ada", placedAt="2026-01-01T00:00:00Z", refunds=[refund])
    said = words(operator, "B-1")
    assert "Everything of the order was given back. No rule pays for it." in said
    assert "all 60 points were taken back" in said


def test_the_history_says_what_each_state_changed(operator: FlaskClient, session: Session) -> None:
    placed = {"placedAt": "2026-01-01T12:00:00Z"}
    one, two = ({"lineId": str(n), "sku": f"SKU-{n}", "amount": 1_000 * n} for n in (1, 2))
    states: list[dict[str, object]] = [
        {"status": "placed", "lines": [one]},
        {"userId": "ada", "lines": [one, two], "discount": 100},
        {"lines": [{**two, "quantity": 2, "amount": 4_000, "tax": 5}], "channel": "web", "discount": 100},
        {"lines": [{**two, "quantity": 2, "amount": 4_000, "tax": 5}], "status": "fulfilled", "exchangeRate": "2"},
        {"lines": [two], "status": "fulfilled", "refunds": [{"refundId": "R", "amount": 500}], "taxIncluded": False},
    ]
    for state in states:
        tell_order(session, "H-1", **placed, **state)
    history = part(operator, "H-1", "history")  # ends with the changes of the newest
    page = words(operator, "H-1")
    assert "Refund R is new." in history
    for said in (
        "First told, as an order that is placed and has 1 line.",
        "It belongs to ada.",
        "The status went from placed to paid.",
        "The discount of the whole order went from €0.00 to €1.00.",
        "Line 2 is new: 1 × SKU-2 for €20.00.",
        "Line 1 is gone.",
        "Line 2: amount from €20.00 to €40.00, tax from €0.00 to €0.05, quantity from 1 to 2.",
        "The channel went from none to web.",
        "The exchange rate went from none to 2.",
        "Tax as a part of amounts went from yes to no.",
        "From then on it earns nothing.",
        "From then on it earns 43 points (+43).",
    ):
        assert said in page, said


def test_five_hundred_lines_that_change_are_not_all_told(operator: FlaskClient, session: Session) -> None:
    for amount in (100, 200):
        lines = [{"lineId": str(number), "amount": amount} for number in range(500)]
        tell_order(session, "M-1", placedAt="2026-01-01T12:00:00Z", lines=lines)
    page = words(operator, "M-1")
    assert page.count("amount from €1.00 to €2.00") == 8
    assert "492 more lines changed." in page
    assert "475 more lines" in page


def test_states_without_end_are_cut(operator: FlaskClient, session: Session) -> None:
    for number in range(25):
        tell_order(session, "C-1", 100 + number, placedAt="2026-01-01T12:00:00Z")
    page = words(operator, "C-1")
    assert page.count("Told by the shop") == 20
    assert "5 older states are not shown." in page
    assert "First told, as" not in page


def test_an_order_that_went_to_another_keeps_the_entries_of_both(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="bob", name="Bob"))
    for user_id in ("ada", "bob"):
        tell_order(session, "O-1", userId=user_id, placedAt="2026-01-01T12:00:00Z")
    entries = part(operator, "O-1", "entries")
    assert [entries.count(user_id) for user_id in ("ada", "bob")] == [2, 1]
    assert "It went from ada to bob." in words(operator, "O-1")


def test_pending_points_that_are_due_or_of_somebody_suspended_say_so(
    operator: FlaskClient, session: Session, orders: list[str]
) -> None:
    session.execute(text("UPDATE loyalty_pending_credits SET activates_at = now() - interval '1 hour'"))
    assert "the next sweep makes them active" in part(operator, "T-PAID", "waiting")
    members.set_status(session, "ada", act=Act("test", clock.now(), "x"), status="suspended")
    assert "85 points wait until the membership is active again." in part(operator, "T-PAID", "waiting")
    assert "Release pending points" not in words(operator, "T-PAID")


def test_a_page_sends_at_most_eight(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    operator.get(LIST)
    for path in (LIST, f"{LIST}?member=ada&state=pending", *(f"{LIST}/{key}" for key in orders)):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, (path, sent)


@pytest.mark.parametrize("reference", ["UNKNOWN", "no%20reference", "%00", "x" * 129])
@pytest.mark.parametrize("act", ["", "/release", "/claim"])
def test_an_unknown_order_is_not_found(operator: FlaskClient, reference: str, act: str) -> None:
    assert operator.get(f"{LIST}/{reference}{act}").status_code == 404
    if act:
        assert post(operator, f"{LIST}/{reference}{act}", reason="x", user_id="ada") == 404


@pytest.mark.parametrize("reference", ["A#1", "a@b:c.d_e-f", "..x", "#23"])
def test_every_reference_has_a_page_that_its_links_lead_to(
    operator: FlaskClient, session: Session, reference: str
) -> None:
    tell_order(session, reference, userId="ada")
    page = operator.get(LIST).text
    href = unescape(re.findall(r'href="(/admin/orders/[^"?]+)"', page)[0])
    assert reference in words(operator, href.rpartition("/")[2])


# --- acts ---


def test_release_needs_a_reason_and_makes_points_active(
    operator: FlaskClient, session: Session, orders: list[str]
) -> None:
    path = f"{LIST}/T-PAID/release"
    assert "Release the pending points?" in operator.get(path).text
    assert post(operator, path, reason=" ") == 422
    assert post(operator, path, reason="asked by phone") == 303
    assert post(operator, path, reason="again") == 409

    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.release")).one()
    assert (entry.actor, entry.reason, entry.object_id, entry.after) == (
        "user:olu",
        "asked by phone",
        "T-PAID",
        {"points": 85},
    )
    page = words(operator, "T-PAID")
    assert re.search(
        r"Released by hand just now \(.+?\), by user:olu: asked by phone 85 points became active at once\.", page
    )
    assert "Pending 0 Active 106" in page
    assert "Release pending points" not in page


def test_claim_gives_the_order_to_a_member(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    path = f"{LIST}/T-NOBODY/claim"
    assert post(operator, path, reason="by phone", user_id=" ") == 422
    assert post(operator, path, reason=" ", user_id="ada") == 422
    assert post(operator, path, reason="by phone", user_id="nobody") == 409
    assert session.scalar(select(AuditEntry).where(AuditEntry.action == "order.claim")) is None
    assert post(operator, path, reason="showed the receipt", user_id="ada") == 303
    assert post(operator, path, reason="again", user_id="ada") == 409

    page = words(operator, "T-NOBODY")
    assert re.search(r"Claimed by hand just now \(.+?\), by user:olu: showed the receipt It belongs to ada\.", page)
    assert "52 points: 1 for every €1.00 of €35.00, times 1.5 because you are Base." in page
    assert "Claim for a member" not in page
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.claim")).one()
    assert (entry.actor, entry.reason, entry.after) == ("user:olu", "showed the receipt", {"userId": "ada"})


def test_an_order_that_was_claimed_by_its_address_says_so(operator: FlaskClient, session: Session) -> None:
    tell_order(session, "V-1", email="later@example.com")
    make_user(session, id="later")
    claim_waiting(session, "later", "later@example.com", Act("user:later", clock.now()), order_rules())
    page = words(operator, "V-1")
    assert re.search(
        r"Claimed by who confirmed its address just now \(.+?\), by user:later It belongs to later\.", page
    )


def test_a_claim_that_changes_nothing_the_shop_said_says_only_whose_it_is(
    operator: FlaskClient, session: Session
) -> None:
    tell_order(session, "K-1")
    claim_order(session, "K-1", "ada", Act("user:olu", clock.now(), "x"), order_rules())
    assert "It belongs to ada. From then on it earns 60 points (+60)." in words(operator, "K-1")


def test_the_audit_log_names_both_acts(operator: FlaskClient, orders: list[str]) -> None:
    assert post(operator, f"{LIST}/T-PAID/release", reason="x") == 303
    assert post(operator, f"{LIST}/T-NOBODY/claim", reason="x", user_id="ada") == 303
    page = operator.get("/admin/audit?object_type=order").text
    assert ">Order: release</option>" in page
    assert ">Order: claim</option>" in page
    assert page.count('data-testid="row"') == 2


@pytest.mark.parametrize("path", [LIST, f"{LIST}/T-PAID", f"{LIST}/T-PAID/release"])
def test_members_see_none_of_it(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, id="kim"))
    assert client.get(path).status_code == 404


# --- the ways to it ---


def test_a_member_has_their_orders(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    make_user(session, id="new")
    page = operator.get("/admin/members/ada/orders").text
    assert keys(page) == [key for key in orders if key != "T-NOBODY"]
    assert 'href="/admin/orders/T-PAID"' in page
    assert keys(operator.get("/admin/members/ada/orders?state=pending").text) == ["T-PAID", "T-REFUND"]
    assert keys(operator.get("/admin/members/new/orders").text) == []


def test_an_entry_leads_to_its_order_and_back(operator: FlaskClient, session: Session, orders: list[str]) -> None:
    member_id = session.get_one(Order, "T-PAID").member_id
    assert member_id is not None
    named = ledger.Posting(
        member_id=member_id,
        amount=5,
        entry_type=ledger.EntryType.REFERRAL_BONUS,
        source="referral",
        external_id="x",
        effect="bonus",
        occurred_at=clock.now(),
        metadata={"order_reference": "OF-NO-ORDER"},
    )
    ledger.post(session, [named], clock.now())
    page = operator.get("/admin/members/ada/ledger").text
    assert 'href="/admin/orders/T-PAID"' in page
    assert "/admin/orders/OF-NO-ORDER" not in page

    back = "/admin/members/ada/ledger?order=T-PAID"
    assert f'href="{back}"' in operator.get(f"{LIST}/T-PAID").text
    assert operator.get(back).text.count('data-testid="row"') == 1


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_the_search_finds_an_order_by_its_whole_reference(
    operator: FlaskClient, orders: list[str], headers: dict[str, str]
) -> None:
    answer = operator.get("/admin/members?q=T-PAID", headers=headers)
    assert (answer.location or answer.headers.get("HX-Redirect")) == "/admin/orders/T-PAID"
    assert operator.get("/admin/members?q=T-PAI").status_code == 200


def test_a_member_of_that_name_goes_before_an_order(operator: FlaskClient, session: Session) -> None:
    tell_order(session, "ada")
    assert operator.get("/admin/members?q=ada").location == "/admin/members/ada"


def test_money_that_refunds_could_not_take_is_listed_with_what_to_do(
    operator: FlaskClient, session: Session, orders: list[str]
) -> None:
    assert listed(operator, "state=unapplied") == ["T-REFUND"]
    assert "let it undo the wrong one" in operator.get(f"{LIST}?state=unapplied").text
    assert "let it undo the wrong one" not in operator.get(LIST).text
