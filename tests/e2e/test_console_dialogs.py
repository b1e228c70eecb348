"""Every question of the consoles, found by following links: opened, left, refused, corrected and answered."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.platform.web.application import Portal
from tests import databases
from tests.e2e.conftest import Visit
from tests.e2e.consoles import Programme, served, sign_in
from tests.e2e.people import expect_refusal

_LINK = re.compile(r"<a[^>]+>", re.DOTALL)
_ADDRESS = re.compile(r'href="(/admin[^"]*)"')
_ASKS_WHY = re.compile(r'<textarea[^>]+name="reason"')
WITH_REASON = "form:has(textarea[name=reason])"
SPACES = "   "


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[Programme]:
    """A portal with a year behind it and some trouble."""
    with served(servers, "dialogs") as programme:
        yield programme


def find_questions(page: Page, programme: Programme) -> dict[str, tuple[str, str]]:
    """Each question's endpoint, with a page that leads to it and its address there."""
    found: dict[str, tuple[str, str]] = {}
    seen, left = {"console.home"}, ["/admin/", "/admin/members/demo-ada"]
    while left:
        path = left.pop(0)
        for tag in _LINK.findall(page.request.get(path).text()):
            address = _ADDRESS.search(tag)
            endpoint = programme.endpoint(address[1].partition("?")[0]) if address and "download" not in tag else None
            if address is None or endpoint is None:
                continue
            if 'data-testid="why"' in tag:
                continue  # an explanation, which asks nothing
            if "#sheet-body" in tag:
                found.setdefault(endpoint, (path, address[1].replace("&amp;", "&")))
            elif endpoint not in seen:
                seen.add(endpoint)
                left.append(address[1].replace("&amp;", "&").partition("?")[0])
    return found


def leave_by_button(page: Page) -> None:
    page.locator("#sheet [data-close]").click()


def leave_by_key(page: Page) -> None:
    page.keyboard.press("Escape")


def leave_by_what_is_beside_it(page: Page) -> None:
    page.mouse.click(5, 5)


WAYS_OUT = [leave_by_button, leave_by_key, leave_by_what_is_beside_it]


def test_every_question_is_left_and_refused_without_a_complaint(visit: Visit, programme: Programme) -> None:
    page = visit("admin", reduced_motion="reduce")
    questions = find_questions(page, programme)

    for number, (path, address) in enumerate(questions.values()):
        page.goto(path)
        link, sheet = page.locator(f'a[hx-get="{address}"]').first, page.locator("#sheet")
        link.click()
        expect(sheet.get_by_role("heading").first).to_be_focused()
        asks = sheet.locator("form").count() > 0
        WAYS_OUT[number % len(WAYS_OUT)](page)
        expect(sheet).to_be_hidden()
        expect(link).to_be_focused()
        if not asks:  # it explains something
            continue

        link.click()
        box = sheet.locator("textarea").last
        box.fill(SPACES)
        box.evaluate("box => { box.style.height = '12rem'; }")  # as dragging its corner does
        sheet.locator("form").evaluate("form => { form.noValidate = true; }")
        key = sheet.locator("[name=idempotency_key]").input_value()
        sheet.locator("button[type=submit]").first.click()
        expect(sheet.locator("[data-error-summary]")).to_be_focused()
        expect(sheet.locator("[name=idempotency_key]")).not_to_have_value(key)
        sheet.locator("[data-close]").click()
        expect(sheet).to_be_hidden()

    assert len(questions) > 12


def find_forms(page: Page, programme: Programme) -> dict[str, str]:
    """The path of a page with a form that asks for a reason, by its endpoint; a question is one, too."""
    found: dict[str, str] = {}
    seen, left = {"console.home"}, ["/admin/", "/admin/members/demo-ada"]
    while left:
        path = left.pop(0)
        html = page.request.get(path).text()
        if _ASKS_WHY.search(html):
            found[programme.endpoint(path) or ""] = path
        for href in (
            address for tag in _LINK.findall(html) if "download" not in tag for address in _ADDRESS.findall(tag)
        ):
            endpoint = programme.endpoint(href.partition("?")[0])
            if endpoint is not None and endpoint not in seen:
                seen.add(endpoint)
                left.append(href.replace("&amp;", "&"))
    return found


@pytest.mark.parametrize("scripts", [True, False])
def test_every_form_on_a_page_of_its_own_is_refused_and_left_without_a_complaint(
    visit: Visit, programme: Programme, scripts: bool
) -> None:
    page = visit("admin", java_script_enabled=scripts, reduced_motion="reduce")
    forms = find_forms(page, programme)

    for path in forms.values():
        page.goto(path)
        form = page.locator(WITH_REASON)
        for box in form.locator("input[required]:not([type=hidden]), textarea[required]").all():
            box.fill("1" if box.get_attribute("name") != "email" else "new@example.com")
        form.locator("[name=reason]").fill(SPACES)
        key = form.locator("[name=idempotency_key]").get_attribute("value") or ""
        form.locator("button[type=submit]").last.click()

        expect_refusal(page, scripts=scripts)
        expect(page.locator("[data-error-summary] a[href='#reason']")).to_be_visible()
        expect(form.locator("[name=idempotency_key]")).not_to_have_attribute("value", key)
        page.get_by_role("link", name=re.compile("^(Not now|Cancel)$")).last.click()
        expect(page.get_by_test_id("error")).to_have_count(0)
        expect(page).not_to_have_url(re.compile(re.escape(path) + "$"))

    assert len(forms) > 20


REFUSED = {
    "more than there is": ("/admin/members/demo-ada", "Adjust points", {"Points": "-1000000"}, "are free to take"),
    "no such code": (
        "/admin/referrals",
        "Complete",
        {"Code": "NOBODY", "Friend's user id": "demo-ada"},
        "No such referral",
    ),
    "no such member": ("/admin/referrals", "Issue an invite", {"Member's user id": "nobody"}, "No such"),
}


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(("path", "link", "fields", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_an_act_that_cannot_be_done_says_why_beside_what_was_typed(
    visit: Visit, path: str, link: str, fields: dict[str, str], said: str, scripts: bool
) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto(path)
    page.get_by_role("link", name=link, exact=True).click()
    for label, typed in {**fields, "Reason": "asked by phone"}.items():
        page.get_by_label(label, exact=True).fill(typed)
    page.locator(f"{WITH_REASON} button[type=submit]").click()

    expect(page.locator("[data-flash][data-kind=error]")).to_contain_text(said)
    for label, typed in fields.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(typed)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("chosen", [["Orders"], ["Admin"], ["Member", "Checkout"]])
def test_a_token_may_have_any_scopes(visit: Visit, chosen: list[str], scripts: bool) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto("/admin/access/tokens/new")
    page.get_by_label("Name").fill(f"{' '.join(chosen)} {scripts}")
    page.get_by_label("Reason").fill("the new shop")
    page.locator("form button[type=submit]").last.click()
    expect(page.get_by_text("Choose at least one scope.").first).to_be_visible()
    assert page.get_by_role("checkbox").count() >= 4

    for name in chosen:
        page.get_by_label(name, exact=True).check()
    page.locator("form button[type=submit]").last.click()

    expect(page.locator("#secret")).to_be_visible()
    expect(page.get_by_text(", ".join(name.lower() for name in chosen), exact=True)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(("wrong", "number"), [("nobody", 1), ("@", 2)])
def test_an_address_that_was_refused_is_corrected(visit: Visit, scripts: bool, wrong: str, number: int) -> None:
    page = visit("admin", java_script_enabled=scripts)
    page.goto("/admin/messages/suppressions/add")
    page.get_by_label("Email address or phone number").fill(wrong)
    page.get_by_label("Reason").fill("by phone")
    page.get_by_role("button", name="Send nothing more").click()
    expect_refusal(page, scripts=scripts)
    expect(page.locator("[data-error-summary] li")).to_have_text("Enter an email address, like name@example.com.")

    page.get_by_label("Email address or phone number").fill(f"no-more-{scripts}-{number}@example.com")
    page.get_by_role("button", name="Send nothing more").click()

    expect(page.get_by_test_id("flash")).to_contain_text("Nothing more is sent to this address.")


def test_points_that_cannot_be_read_are_corrected_in_the_dialog(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/admin/members/demo-ada")
    page.get_by_role("link", name="Adjust points").click()
    sheet = page.locator("#sheet")
    sheet.get_by_label("Reason").fill("late parcel")
    for typed in ("1e3", "--5", "٣", "1.5"):
        key = sheet.locator("[name=idempotency_key]").input_value()
        sheet.get_by_label("Points").first.fill(typed)
        sheet.get_by_role("button", name="Adjust").click()
        expect(sheet.locator("[name=idempotency_key]")).not_to_have_value(key, timeout=20_000)
        expect(sheet.locator(".field__error")).to_have_text("Enter a whole number, such as 1200.")
        expect(sheet.get_by_label("Points").first).to_have_value(typed)

    sheet.get_by_label("Points").first.fill(" 1 200 ")
    sheet.get_by_role("button", name="Adjust").click()

    expect(sheet).to_be_hidden()
    expect(page.get_by_test_id("flash")).to_contain_text("The points are adjusted.")


def test_an_operator_is_told_where_an_admin_is_needed(browser: Browser, programme: Programme) -> None:
    context = browser.new_context(base_url=programme.url)
    page = context.new_page()  # its one 403 is what it is about
    sign_in(page, "operator")

    page.goto("/admin/access")

    expect(page.get_by_test_id("error")).to_contain_text("This page needs the role admin")
    page.get_by_role("link", name="Go to the console's home").click()
    expect(page).to_have_url(re.compile("/admin/$"))
    context.close()
