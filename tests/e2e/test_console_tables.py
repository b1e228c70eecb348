"""Every table of the consoles, found by following links: each of its controls is clicked, with scripts and without.

A new table is clicked through as soon as a page shows it; its pages are turned when it has three of two rows.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from portal.platform.console import tables
from portal.platform.web.application import Portal
from tests import databases
from tests.e2e.conftest import Visit
from tests.e2e.consoles import Programme, served
from tests.e2e.people import expect_refusal
from tests.factories.crowd import make_crowd

SIZES = (2, 50, 100)
LONG = {"members", "redemptions", "audit"}
_TABLE = re.compile(r'data-testid="table-([\w-]+)"')
_HREF = re.compile(r'<a[^>]+?href="(/admin[^"]*)"(?![^>]*download)')


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[Programme]:
    """A portal with much of everything, whose tables show two rows a page."""
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr(tables, "PAGE_SIZES", SIZES)
        with served(servers, "tables", make_crowd) as programme:
            yield programme


def find_tables(page: Page, programme: Programme) -> dict[str, str]:
    """The path of a page with each table, found from the home of the consoles; each endpoint is visited once."""
    found: dict[str, str] = {}
    seen, left = {"console.home"}, ["/admin/", "/admin/members/demo-ada"]
    while left:
        path = left.pop(0)
        html = page.request.get(path).text()
        for name in _TABLE.findall(html):
            found.setdefault(name, path)
        for href in _HREF.findall(html):
            endpoint = programme.endpoint(href.partition("?")[0])
            if endpoint is not None and endpoint not in seen:
                seen.add(endpoint)
                left.append(href.replace("&amp;", "&").partition("?")[0])
    return found


class Clicks:
    """Somebody who clicks through a table."""

    def __init__(self, page: Page, name: str, path: str, *, scripts: bool) -> None:
        self.page, self.name, self.path, self.scripts = page, name, path, scripts
        self.table = page.get_by_test_id(f"table-{name}")

    def keys(self) -> list[str]:
        """The rows that are shown."""
        return list(self.table.get_by_test_id("row").evaluate_all("rows => rows.map((row) => row.dataset.key)"))

    def rows_become(self, keys: list[str]) -> None:
        """Wait until these rows are shown."""
        rows = self.table.get_by_test_id("row")
        expect(rows.first).to_have_attribute("data-key", keys[0])
        self.page.wait_for_load_state()  # going back again needs the page's scripts
        assert self.keys() == keys, self.name

    def turn(self, rel: str, leaving: list[str]) -> list[str]:
        """Click to the next or the previous page; the rows there."""
        self.table.locator(f"a[rel={rel}]").click()
        expect(self.table.get_by_test_id("row").first).not_to_have_attribute("data-key", leaving[0])
        return self.keys()

    def go(self) -> None:
        """The table as it is at first."""
        self.page.goto(self.path)

    def pages(self) -> bool:
        """Forwards twice, back twice, by the browser's own button, and to the beginning; False with under three."""
        self.go()
        first = self.keys()
        seconds = first and self.table.locator("a[rel=next]").count() and self.turn("next", first)
        if not seconds or not self.table.locator("a[rel=next]").count():
            return False
        third = self.turn("next", seconds)
        assert not {*first} & {*seconds} and not {*seconds} & {*third}, self.name  # noqa: PT018 - one statement about three pages
        assert "cursor=" in self.page.url
        assert self.turn("prev", third) == seconds, self.name
        assert self.turn("prev", seconds) == first, self.name
        expect(self.table.locator("a[rel=prev]")).to_have_count(0)
        self.page.go_back()
        self.rows_become(seconds)
        self.page.go_back()
        self.rows_become(third)
        self.table.get_by_role("link", name="First page").click()
        self.rows_become(first)
        return True

    def sizes(self) -> None:
        """More rows a page, which the address says and a reload keeps."""
        self.go()
        self.table.get_by_role("link", name="50", exact=True).click()
        expect(self.page).to_have_url(re.compile(r"[?&]limit=50"))
        expect(self.table.get_by_test_id("row").nth(2)).to_be_visible()
        self.page.reload()
        expect(self.table.get_by_test_id("row").nth(2)).to_be_visible()

    def sorts(self, most: int) -> None:
        """By each heading, both ways."""
        self.go()
        heads = self.table.locator("th:has(.datatable__sort)")
        for place in range(min(most, heads.count())):
            head, ways = heads.nth(place), []
            for _ in range(2):
                before = head.get_attribute("aria-sort") or ""
                head.locator("a").click()
                expect(head).to_have_attribute("aria-sort", re.compile(f"^(?!{before or 'none'}$)"))
                expect(self.table.locator("th[aria-sort]")).to_have_count(1)
                ways.append(head.get_attribute("aria-sort"))
            assert set(ways) == {"ascending", "descending"}, self.name

    def narrow(self, most: int) -> None:
        """By each filter, and back to all rows."""
        self.go()
        for place in range(min(most, self.table.locator(".filters__one").count())):
            field = self.table.locator(".filters__one").nth(place).locator("select, input")
            name, value = self.choose(field)
            if not value:
                continue
            expect(self.page).to_have_url(re.compile(rf"[?&]{name}="))
            expect(self.table.locator(f"[name={name}]")).to_have_value(value)
            self.table.get_by_role("link", name="Clear").click()
            expect(self.page).not_to_have_url(re.compile(rf"[?&]{name}="))
            expect(self.table.locator(f"[name={name}]")).to_have_value("")

    def choose(self, field: Locator) -> tuple[str, str]:
        """Set a filter; its name and value, which is empty when there is nothing to choose."""
        name, kind = field.get_attribute("name") or "", field.get_attribute("type")
        value = {"date": "2026-01-01", "number": "1"}.get(kind or "", "somebody")
        if kind:
            field.fill(value)
            field.press("Enter")
            return name, value
        offered = field.locator("option").evaluate_all("options => options.map((option) => option.value)")
        if len(offered) < 2:
            return name, ""
        field.select_option(offered[1])
        if not self.scripts:
            self.table.get_by_role("button", name="Apply").click()
        return name, str(offered[1])

    def follows_its_links(self) -> None:
        """The first row's own link opens a page; the download is one."""
        self.go()
        download = self.page.request.get(self.table.get_by_test_id("export").get_attribute("href") or "")
        assert (download.status, download.headers["content-type"]) == (200, "text/csv; charset=utf-8"), self.name
        assert len(download.text().splitlines()) > len(self.keys()), self.name
        link = self.table.get_by_test_id("row").first.locator("a.datatable__link").first
        if link.count():
            target = link.get_attribute("href") or ""
            link.click()
            expect(self.page).to_have_url(re.compile(re.escape(target) + "$"))
            expect(self.page.get_by_test_id("error")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_every_control_of_every_table_works(visit: Visit, programme: Programme, scripts: bool) -> None:
    page = visit("admin", java_script_enabled=scripts, reduced_motion="reduce")
    found, turned, most = find_tables(page, programme), set(), 20 if scripts else 1

    for name, path in found.items():
        clicks = Clicks(page, name, path, scripts=scripts)
        if clicks.pages():
            clicks.sizes()
            turned.add(name)
        clicks.sorts(most)
        clicks.narrow(most)
        clicks.follows_its_links()

    assert len(found) > 25
    assert turned >= LONG


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("path", ["/admin/members", "/admin/redemptions", "/admin/audit"])
def test_page_two_and_back(visit: Visit, path: str, scripts: bool) -> None:
    clicks = Clicks(visit("admin", java_script_enabled=scripts), path.rpartition("/")[2], path, scripts=scripts)
    clicks.go()
    first = clicks.keys()
    second = clicks.turn("next", first)
    assert len(second) == 2
    assert not {*first} & {*second}
    assert clicks.turn("prev", second) == first


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(
    ("path", "label", "wanted"),
    [
        ("/admin/members", "Search", "nobody-of-this-name"),
        ("/admin/redemptions", "Member", "nobody-of-this-name"),
        ("/admin/audit", "Who", "nobody-of-this-name"),
    ],
)
def test_a_list_without_rows_says_so_and_shows_all_again(
    visit: Visit, path: str, label: str, wanted: str, scripts: bool
) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto(path)
    rows = page.get_by_test_id("row")
    shown = rows.count()
    page.get_by_label(label, exact=True).fill(wanted)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No rows match")).to_be_visible()
    expect(rows).to_have_count(0)
    assert wanted in page.url
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(shown)
    assert wanted not in page.url


def test_the_focus_stays_in_the_table_when_its_page_is_turned(visit: Visit) -> None:
    page = visit("admin")
    clicks = Clicks(page, "audit", "/admin/audit", scripts=True)
    clicks.go()
    first = clicks.keys()
    second = clicks.turn("next", first)
    expect(page.locator("#audit-next")).to_be_focused()
    clicks.turn("prev", second)
    expect(page.locator(".datatable__scroll")).to_be_focused()


def test_all_rows_are_chosen_at_once_and_their_number_is_told(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/admin/redemptions?status=requested&limit=50")
    told, every = page.locator("[data-ticked]"), page.get_by_label("Choose all rows")
    many = page.get_by_test_id("row").count()

    every.check()
    expect(told).to_have_text(f"{many} chosen")
    expect(page.locator("[data-tick]:checked")).to_have_count(many)
    page.locator("[data-tick]").first.uncheck()
    expect(told).to_have_text(f"{many - 1} chosen")
    expect(every).to_have_js_property("indeterminate", True)
    every.check()
    every.uncheck()
    expect(told).to_have_text("")
    assert (told.get_attribute("role"), many > 2) == ("status", True)


def test_turning_the_page_forgets_what_was_chosen_and_says_so(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/admin/redemptions?status=requested")
    page.get_by_label("Choose all rows").check()
    expect(page.locator("[data-ticked]")).to_have_text("2 chosen")
    page.locator("a[rel=next]").click()
    expect(page.locator("[data-ticked]")).to_have_text("")


@pytest.mark.parametrize("scripts", [True, False])
def test_choosing_nothing_keeps_the_list_and_says_so(visit: Visit, scripts: bool) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto("/admin/redemptions?status=requested&limit=50&sort=id")

    page.get_by_role("button", name="Fulfil").click()

    said = page.locator("[data-ticked]") if scripts else page.get_by_test_id("flash")
    expect(said).to_have_text("Choose at least one row first." if scripts else "Choose at least one request.")
    expect(page).to_have_url(re.compile(r"status=requested"))
    expect(page).to_have_url(re.compile(r"sort=id"))
    expect(page.locator("dialog[open]")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(
    ("verb", "answer", "many"),
    [("Cancel", "Cancel 2 requests", 2), ("Fulfil", "Fulfil 1 request", 1), ("Mark as failed", "Mark 1 request as", 1)],
)
def test_chosen_requests_are_decided_and_lead_back_to_the_list(
    visit: Visit, scripts: bool, verb: str, answer: str, many: int
) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto("/admin/redemptions?status=requested&sort=id")
    for box in page.locator("[data-tick]").all()[:many]:
        box.check()

    page.get_by_role("button", name=verb, exact=True).click()
    page.get_by_label("Reason").fill(" ")
    page.get_by_role("button", name=answer).click()
    expect_refusal(page, scripts=scripts)
    expect(page.locator("[data-error-summary] li")).to_have_text("Say why, for the audit log.")
    page.get_by_label("Reason").fill("asked by phone")
    page.get_by_role("button", name=answer).click()

    expect(page.get_by_test_id("report").locator("[data-outcome=done]")).to_have_count(many)
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.get_by_role("link", name="Back to the queue").click()
    expect(page).to_have_url(re.compile(r"status=requested"))
    expect(page).to_have_url(re.compile(r"sort=id"))


NEXT, SORT, FILTER = "a[rel=next]", "#redemptions-by-id", "select[name=status]"


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize(
    ("clicked", "left", "gone"),
    [
        ((NEXT, SORT), r"\?sort=id$", "cursor="),
        ((SORT, NEXT), r"[?&]cursor=", "sort="),
        ((NEXT, FILTER), r"\?status=fulfilled$", "cursor="),
        ((FILTER, NEXT), r"[?&]cursor=", "status="),
    ],
)
def test_of_two_quick_clicks_the_last_counts(
    visit: Visit, clicked: tuple[str, str], left: str, gone: str, in_order: bool
) -> None:
    page = visit("admin")
    page.goto("/admin/redemptions")
    held: list[Route] = []
    page.route(re.compile(r"/admin/redemptions\?"), lambda question: held.append(question))
    for number, control in enumerate(clicked, 1):
        if control == FILTER:
            page.locator(control).select_option("fulfilled")
        else:
            page.locator(control).dispatch_event("click")
        while len(held) < number:
            page.wait_for_timeout(20)

    for question in held if in_order else held[::-1]:
        with page.expect_event("requestfinished"):
            question.continue_()
        page.wait_for_timeout(200)

    expect(page).to_have_url(re.compile(left))
    assert gone not in page.url
    shown = page.get_by_test_id("table-redemptions").get_by_test_id("row")
    keys = shown.evaluate_all("rows => rows.map((row) => row.dataset.key)")
    page.unroute_all()
    page.reload()
    assert keys == shown.evaluate_all("rows => rows.map((row) => row.dataset.key)")
