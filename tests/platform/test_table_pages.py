"""Pages of tables: forwards and back by the links that a page carries, in every order, whatever is added meanwhile."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.desk.web.tables import MEMBERS
from portal.platform import audit, clock
from portal.platform.audit import Act
from portal.platform.console.tables import Table, _page_statement, read_view
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import make_member, make_tier

MEMBERS_PAGE = "/admin/members"
ORDERS = (
    "",
    "sort=balance",
    "sort=-balance",
    "sort=lifetime_earned",
    "sort=-lifetime_earned",
    "sort=joined_at",
    "sort=-joined_at",
    "sort=id",
    "q=walk",
    "q=walk&sort=-balance",
    "q=walk&sort=joined_at",
    "tier=bronze&sort=balance",
)


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def crowd(session: Session) -> list[str]:
    """Sixty members, of whom many have the same balance; their ids."""
    make_tier(session, "bronze", 0)
    users = [make_user(session, name=f"Walker {number}") for number in range(60)]
    for number, user in enumerate(users):
        make_member(session, user, points=10 * (number % 4) or None)
    session.execute(text("UPDATE loyalty_members SET tier_id = (SELECT id FROM loyalty_tiers), tier_since = now()"))
    return [user.id for user in users]


def keys(page: str) -> list[str]:
    return re.findall(r'data-key="([^"]+)"', page)


def link(page: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}"\s+href="([^"]+)"', page)
    return unescape(found[1]) if found else None


def walk(client: FlaskClient, path: str | None, rel: str) -> list[list[str]]:
    """The keys of every page from this one on."""
    pages = []
    while path:
        page = client.get(path).text
        pages.append(keys(page))
        path = link(page, rel)
    return pages


def last_page(client: FlaskClient, path: str) -> str:
    while following := link(client.get(path).text, "next"):
        path = following
    return path


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_walked_forwards_is_walked_back(operator: FlaskClient, crowd: list[str], order: str) -> None:
    forwards = walk(operator, f"{MEMBERS_PAGE}?{order}", "next")
    back = walk(operator, last_page(operator, f"{MEMBERS_PAGE}?{order}"), "prev")

    assert [len(page) for page in forwards] == [25, 25, 10]
    assert len({key for page in forwards for key in page}) == 60
    assert back == forwards[::-1]


def test_a_page_says_which_rows_it_shows(operator: FlaskClient, crowd: list[str]) -> None:
    second = link(operator.get(MEMBERS_PAGE).text, "next") or ""
    third = link(operator.get(second).text, "next") or ""
    back = link(operator.get(third).text, "prev") or ""

    said = [
        operator.get(path).text.split('data-testid="shown-rows">')[1].split("</span>")[0]
        for path in (MEMBERS_PAGE, second, third, back)
    ]

    assert said == ["Rows 1–25", "Rows 26–50", "Rows 51–60", "Rows 26–50"]


def test_the_first_page_leads_back_nowhere_and_the_last_no_further(operator: FlaskClient, crowd: list[str]) -> None:
    first, last = operator.get(MEMBERS_PAGE).text, operator.get(last_page(operator, MEMBERS_PAGE)).text
    assert (link(first, "prev"), link(last, "next")) == (None, None)


def test_back_to_the_beginning_is_a_whole_page_with_what_came_since(
    operator: FlaskClient, session: Session, crowd: list[str]
) -> None:
    second = operator.get(link(operator.get(MEMBERS_PAGE).text, "next") or "").text
    newest = make_member(session, make_user(session, name="Walker new"))

    before = operator.get(link(second, "prev") or "").text
    first = operator.get(link(before, "prev") or "").text

    assert len(keys(before)) == len(keys(first)) == 25
    assert keys(first)[0] == str(newest.id)
    assert link(first, "prev") is None


@pytest.mark.parametrize("tampered", ["", "x", "{}x"])
def test_a_cursor_of_another_order_or_hand_is_refused(operator: FlaskClient, crowd: list[str], tampered: str) -> None:
    cursor = re.findall(r"cursor=([^&]+)", link(operator.get(f"{MEMBERS_PAGE}?sort=balance").text, "next") or "")[0]
    for query in (f"cursor={cursor}", f"sort=-balance&cursor={cursor}", f"sort=balance&q=walk&cursor={cursor}"):
        assert operator.get(f"{MEMBERS_PAGE}?{query}").status_code == 400
    if tampered:
        assert operator.get(f"{MEMBERS_PAGE}?sort=balance&cursor={tampered.format(cursor)}").status_code == 400


def test_links_keep_the_filters_and_the_number_of_rows(operator: FlaskClient, session: Session) -> None:
    for number in range(60):
        audit.record(session, Act("cli", clock.now()), action="x", object_type="y", object_id=str(number))
    session.flush()
    page = operator.get("/admin/audit?limit=50&object_type=y&sort=number").text
    for address in (link(page, "next"), *map(unescape, re.findall(r'class="datatable__sort" href="([^"]+)"', page))):
        assert address
        assert "limit=50" in address
        assert "object_type=y" in address
    assert '<input type="hidden" name="limit" value="50">' in page
    assert '<input type="hidden" name="sort" value="number">' in page


def test_a_link_asks_by_script_for_its_own_address(operator: FlaskClient, crowd: list[str]) -> None:
    """A bare `hx-get` asks for the page that is shown, whatever the link says."""
    page = operator.get(MEMBERS_PAGE).text
    asked = re.findall(r'href="([^"]+)"[^>]*?hx-get="([^"]*)"', page)
    assert len(asked) >= 6
    assert [href for href, wanted in asked if href != wanted] == []
    assert not re.search(r"hx-get(?!=)", page)


def plan_of(session: Session, table: Table, sort: str, filters: dict[str, str], values: dict[str, object]) -> str:
    """How the database reads a page from within, backwards."""
    statement = _page_statement(table, sort, True, read_view(table, filters).conditions, True)
    lines = session.execute(text(f"EXPLAIN {statement.text}"), {"row_limit": 26, **values})
    return "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("of_tier", [False, True])
@pytest.mark.parametrize(
    ("sort", "at"), [("balance", "10"), ("lifetime_earned", "10"), ("joined_at", "2026-01-01"), ("id", None)]
)
def test_members_are_read_along_an_index_in_every_order(
    session: Session, crowd: list[str], sort: str, at: str | None, of_tier: bool
) -> None:
    session.execute(text("ANALYZE loyalty_members, users, loyalty_tiers"))
    session.execute(text("SET LOCAL enable_sort = off"))  # so few rows are sorted sooner than looked up
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    key = "00000000-0000-0000-0000-000000000001"
    tier = str(session.scalar(text("SELECT id FROM loyalty_tiers")))
    values = {"sort_at": at or key, "sort_key": key, "tier": "bronze", "tier_id": tier}
    plan = plan_of(session, MEMBERS, sort, {"tier": "bronze"} if of_tier else {}, values)

    assert "Sort Key" not in plan, plan
    assert "loyalty_members" in plan
