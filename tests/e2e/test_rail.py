"""The "For you" rail in a browser: one set of cards on every page that shows it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import select

from portal.accounts.models import User
from portal.members.models import Member
from portal.platform import clock
from portal.platform.db import unit_of_work
from tests.e2e.conftest import AXE, Shop
from tests.e2e.people import join, join_with_points
from tests.e2e.test_pages import GRAVE, SIDEWAYS
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, request_reward

HUB, REFERRALS, THANKS = "/account/loyalty", "/account/referrals", "/checkout/success?order=A-1001"
PAGES = [HUB, REFERRALS, THANKS]


def plan(shop: Shop, email: str, **what: Any) -> None:
    """Leave something at a checkout."""
    with shop.app.app_context(), unit_of_work() as session:
        member = session.scalar(select(Member).join(User, User.id == Member.user_id).where(User.email == email))
        make_intent(session, member, **what)


def lot(shop: Shop, email: str, points: int, days: int) -> None:
    """Give points that run out soon."""
    with shop.app.app_context(), unit_of_work() as session:
        member = session.scalar(select(Member).join(User, User.id == Member.user_id).where(User.email == email))
        earn(session, member, points, expires_at=clock.now() + timedelta(days=days))


def poll(page: Page) -> int:
    """Let the rail look for news; the status of the answer."""
    page.wait_for_load_state("load")
    with page.expect_response("**/account/loyalty/for-you") as answer:
        page.evaluate("document.querySelector('#for-you').dispatchEvent(new CustomEvent('poll'))")
    return answer.value.status


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("here", PAGES)
def test_a_next_action_put_away_is_gone_on_every_page(
    open_page: Callable[..., Page], shop: Shop, scripts: bool, here: str
) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join_with_points(page, shop, 500)
    plan(shop, email, reward="espresso")
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_test_id("next-action")).to_be_visible()
    page.goto(here)

    page.get_by_role("button", name="Dismiss: Any coffee, on us").click()

    expect(page.get_by_test_id("next-action")).to_have_count(0)
    expect(page).to_have_url(page.url.split("/account")[0].split("/checkout")[0] + here)
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_test_id("nudge-rail")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_nudge_put_away_is_gone_on_every_page_until_a_new_lot_comes_due(
    open_page: Callable[..., Page], shop: Shop, scripts: bool
) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join(page)
    lot(shop, email, 50, days=3)
    for path in reversed(PAGES):
        page.goto(path)
        expect(page.locator("[data-testid=nudge-card][data-type=expiring_points]")).to_contain_text("50 points")

    page.get_by_test_id("nudge-dismiss").click()

    expect(page.get_by_test_id("nudge-card")).to_have_count(0)
    for path in (REFERRALS, THANKS, HUB):
        page.goto(path)
        expect(page.get_by_test_id("nudge-card")).to_have_count(0)
    lot(shop, email, 20, days=4)
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[data-testid=nudge-card][data-type=expiring_points]")).to_contain_text("70 points")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_acknowledged_nudge_stays_and_asks_no_more(
    open_page: Callable[..., Page], shop: Shop, scripts: bool
) -> None:
    page = open_page(java_script_enabled=scripts)
    lot(shop, join(page), 50, days=3)
    page.goto(HUB)

    page.get_by_test_id("nudge-acknowledge").click()

    expect(page.get_by_test_id("nudge-acknowledge")).to_have_count(0)
    expect(page.get_by_test_id("nudge-card")).to_be_visible()


def test_a_card_says_why_it_is_shown(page: Page, shop: Shop) -> None:
    plan(shop, join_with_points(page, shop, 500), reward="espresso", order="A-77")
    page.goto(HUB)

    page.get_by_text("Why am I seeing this?").click()

    expect(page.get_by_test_id("next-action")).to_contain_text("You left this at the checkout of order A-77")


def test_the_card_leads_to_the_reward_and_is_done_with_it(page: Page, shop: Shop) -> None:
    plan(shop, join_with_points(page, shop, 500), reward="espresso")
    page.goto(REFERRALS)

    page.get_by_role("link", name="Get it now").click()
    page.get_by_role("button", name="Redeem for 300 points").click()

    expect(page.get_by_test_id("flash")).to_contain_text("Any coffee, on us")
    expect(page.get_by_test_id("balance-held")).to_have_text("300")
    expect(page.get_by_test_id("nudge-rail")).to_be_hidden()


def test_news_arrive_by_themselves_and_are_read_out_once(page: Page, shop: Shop) -> None:
    email = join_with_points(page, shop, 500)
    news = page.locator("#for-you-news")
    plan(shop, email, reward="espresso")

    poll(page)

    expect(page.get_by_test_id("next-action")).to_be_visible()
    expect(news).to_have_text("New for you: Any coffee, on us is waiting for you")
    page.evaluate("document.querySelector('#for-you-news').textContent = ''")
    assert [poll(page), poll(page)] == [304, 304]
    expect(news).to_be_empty()
    expect(page.get_by_test_id("next-action")).to_be_visible()


def test_an_unchanged_rail_stays_the_very_same_elements(page: Page, shop: Shop) -> None:
    plan(shop, join_with_points(page, shop, 500), reward="espresso")
    page.goto(HUB)
    page.evaluate("document.querySelector('#for-you').dataset.mine = 'yes'")

    assert [poll(page), poll(page)] == [200, 304]

    expect(page.locator("#for-you[data-mine=yes]")).to_have_count(1)


def test_a_hidden_tab_does_not_ask(open_page: Callable[..., Page], shop: Shop) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: _note(request, asked))
    join(page)
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.away ?? true})")
    page.reload()
    page.evaluate("document.querySelector('#for-you').dataset.poll = '1'")
    page.wait_for_timeout(3_000)
    assert asked == []

    with page.expect_response("**/account/loyalty/for-you"):
        page.evaluate("window.away = false")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_cards_fit_every_screen_and_axe_finds_nothing_serious(
    open_page: Callable[..., Page], shop: Shop, theme: str, width: int
) -> None:
    page = open_page(color_scheme=theme, reduced_motion="reduce", viewport={"width": width, "height": 800})
    email = join(page)
    for what in ({}, {"reward": "espresso"}, {"points": 40, "order": "A-" + "9" * 100}, {"reward": "plant"}):
        plan(shop, email, **what)
    lot(shop, email, 50, days=3)

    for path in PAGES:
        page.goto(path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert (page.evaluate(SIDEWAYS), page.evaluate(GRAVE)) == (0, []), path


def _note(request: Request, asked: list[str]) -> None:
    if request.url.endswith("/account/loyalty/for-you"):
        asked.append(request.url)


def test_the_keyboard_stays_in_the_rail_after_a_card_is_put_away(page: Page, shop: Shop) -> None:
    email = join_with_points(page, shop, 500)
    plan(shop, email)
    plan(shop, email, reward="espresso")
    page.goto(HUB)

    page.get_by_role("button", name="Dismiss: Any coffee, on us").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("next-action")).to_have_count(1)
    expect(page.get_by_role("heading", name="For you")).to_be_focused()
    expect(page.locator("#for-you-news")).to_contain_text("Put away")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [390, 1280])
def test_see_rewards_goes_to_the_rewards(open_page: Callable[..., Page], shop: Shop, scripts: bool, width: int) -> None:
    page = open_page(java_script_enabled=scripts, viewport={"width": width, "height": 600}, reduced_motion="reduce")
    email = join_with_points(page, shop, 500)
    lot(shop, email, 120, 3)
    rewards = page.locator("#rewards")

    for start in (HUB, f"{HUB}?types=ledger", REFERRALS):
        page.goto(start)
        page.locator("[data-type=expiring_points]").get_by_role("link", name="See rewards").click()
        page.wait_for_load_state()

        assert page.url.endswith(f"{HUB}#rewards")
        expect(rewards).to_be_focused()
        expect(rewards.get_by_role("heading", name="Rewards")).to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(rewards.locator(":focus")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("place", ["#holds", "#expiring"])
def test_a_figure_leads_to_its_list(open_page: Callable[..., Page], shop: Shop, scripts: bool, place: str) -> None:
    page = open_page(java_script_enabled=scripts, viewport={"width": 390, "height": 600})
    email = join_with_points(page, shop, 500)
    lot(shop, email, 400, 3)
    with shop.app.app_context(), unit_of_work() as session:
        member = session.scalar(select(Member).join(User, User.id == Member.user_id).where(User.email == email))
        request_reward(session, member, "espresso")
    page.goto(HUB)

    page.locator(f"#balances a[href='{place}']").click()

    expect(page.locator(place)).to_be_focused()
    expect(page.locator(f"{place} h2")).to_be_in_viewport()
