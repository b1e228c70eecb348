"""The history on the hub: chips, further pages, asking again, and news while one looks."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.accounts.models import User
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import RedemptionStatus
from tests.e2e.conftest import Shop
from tests.e2e.people import join, join_with_points
from tests.factories.loyalty import earn
from tests.factories.referrals import make_invite

RULES = HoldRules(timedelta(days=30))
POLL = 46_000


def member_of(session: Any, email: str) -> Member:
    return session.query(Member).join(User, User.id == Member.user_id).filter(User.email == email).one()


def happen(shop: Shop, email: str, *, orders: int = 0, fail: bool = False, hours: int = 0) -> None:
    """Let the shop credit orders of 10 points, an hour apart, or fail a request for a coffee."""
    with shop.app.app_context(), unit_of_work() as session:
        member = member_of(session, email)
        now = clock.now() - timedelta(hours=hours)
        for number in range(orders):
            earn(session, member, 10, at=now - timedelta(hours=number))
        if fail:
            made = redemptions.reserve_points(
                session, member.user_id, redemptions.Wish("espresso"), Act("test", now), rules=RULES
            )
            redemptions.release_redemption(
                session, made.id, RedemptionStatus.FAILED, Act("test", clock.now(), "Sold out")
            )


def invite(shop: Shop, email: str) -> None:
    with shop.app.app_context(), unit_of_work() as session:
        make_invite(session, member_of(session, email), name="Grace")


def items(page: Page, kind: str = "") -> Locator:
    return page.locator('[data-testid="timeline-item"]' + (f'[data-kind="{kind}"]' if kind else ""))


@pytest.mark.parametrize("scripts", [True, False])
def test_chips_choose_what_is_shown(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join_with_points(page, shop, 500)
    happen(shop, email, fail=True)
    invite(shop, email)
    page.reload()
    expect(items(page)).to_have_count(3)
    for kind in ("ledger", "redemption", "referral"):
        page.get_by_test_id(f"timeline-filter-{kind}").click()
        expect(page).to_have_url(re.compile(f"types={kind}"))
        expect(page.get_by_test_id(f"timeline-filter-{kind}")).to_have_attribute("aria-current", "true")
        expect(items(page)).to_have_count(1)
        expect(items(page, kind)).to_have_count(1)
    page.reload()
    expect(items(page, "referral")).to_have_count(1)
    page.get_by_test_id("timeline-filter-all").click()
    expect(items(page)).to_have_count(3)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_failed_redemption_is_asked_for_again(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join_with_points(page, shop, 500)
    happen(shop, email, fail=True)
    page.reload()
    expect(page.get_by_test_id("timeline-filter-ledger")).to_be_visible()
    expect(page.get_by_test_id("timeline-filter-redemption")).to_be_visible()
    expect(items(page, "redemption")).to_have_attribute("data-status", "failed")
    page.get_by_test_id("retry-redemption").click()
    expect(page.get_by_test_id("flash")).to_contain_text("We have asked for Any coffee, on us again.")
    expect(page.get_by_test_id("balance-held")).to_have_text("300")
    expect(page.get_by_test_id("balance-available")).to_have_text("200")
    expect(page.locator("#holds")).to_contain_text("Any coffee, on us")
    expect(page.get_by_test_id("retry-redemption")).to_have_count(0)
    expect(items(page, "redemption").first).to_have_attribute("data-status", "requested")
    expect(items(page, "redemption")).to_have_count(2)


def test_a_double_click_asks_once_and_too_few_points_are_explained(page: Page, shop: Shop) -> None:
    email = join_with_points(page, shop, 500)
    happen(shop, email, fail=True)
    happen(shop, email, fail=True, hours=1)
    page.reload()
    page.get_by_test_id("retry-redemption").first.dblclick()
    expect(items(page, "redemption")).to_have_count(3)
    expect(page.get_by_test_id("balance-held")).to_have_text("300")
    page.get_by_test_id("retry-redemption").click()
    expect(page.get_by_test_id("flash")).to_contain_text("You no longer have enough points for this.")
    expect(page.get_by_test_id("balance-held")).to_have_text("300")


@pytest.mark.parametrize("scripts", [True, False])
def test_older_events_are_a_link_away(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join(page)
    happen(shop, email, orders=45)
    page.reload()
    expect(items(page)).to_have_count(20)
    page.get_by_test_id("timeline-more").click()
    expect(items(page)).to_have_count(40 if scripts else 20)
    page.get_by_test_id("timeline-more").click()
    expect(items(page)).to_have_count(45 if scripts else 5)
    expect(page.get_by_test_id("timeline-more")).to_have_count(0)
    headings = page.locator(".timeline__day")
    assert len(set(headings.all_inner_texts())) == headings.count()
    if not scripts:
        page.get_by_role("link", name="Back to the newest").click()
        expect(items(page)).to_have_count(20)


def test_news_come_by_themselves_and_leave_one_where_one_was(page: Page, shop: Shop) -> None:
    email = join(page)
    happen(shop, email, orders=45, hours=2)
    page.clock.install()
    page.reload()
    page.get_by_test_id("timeline-more").click()
    expect(items(page)).to_have_count(40)
    read = items(page).nth(30)
    read.scroll_into_view_if_needed()
    before = read.bounding_box()
    happen(shop, email, orders=2)
    page.clock.run_for(POLL)
    expect(items(page)).to_have_count(42)
    expect(page.locator("#notes")).to_contain_text("2 new entries in your history.")
    after = items(page).nth(32).bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    page.get_by_test_id("timeline-more").click()
    expect(items(page)).to_have_count(47)
    shown = page.locator(".timeline__day").evaluate_all("days => days.map((day) => day.dataset.day)")
    assert shown == sorted(set(shown), reverse=True)


def test_a_request_that_is_closed_meanwhile_changes_in_place(page: Page, shop: Shop) -> None:
    email = join_with_points(page, shop, 500)
    page.clock.install()
    page.reload()
    with shop.app.app_context(), unit_of_work() as session:
        user_id = member_of(session, email).user_id
        made = redemptions.reserve_points(
            session, user_id, redemptions.Wish("espresso"), Act("test", clock.now()), rules=RULES
        )
    page.clock.run_for(POLL)
    expect(items(page, "redemption")).to_have_attribute("data-status", "requested")
    expect(page.locator("#notes")).to_contain_text("One new entry")
    with shop.app.app_context(), unit_of_work() as session:
        redemptions.release_redemption(session, made.id, RedemptionStatus.FAILED, Act("test", clock.now(), "Sold out"))
    page.clock.run_for(POLL)
    expect(items(page, "redemption")).to_have_attribute("data-status", "failed")
    page.get_by_test_id("retry-redemption").click()
    expect(page.get_by_test_id("balance-held")).to_have_text("300")


def test_an_empty_history_fills_when_the_first_points_come(page: Page, shop: Shop) -> None:
    email = join(page)
    page.clock.install()
    page.reload()
    expect(page.locator("#history")).to_contain_text("Your story starts with your next order")
    shop.credit(email, 50)
    page.clock.run_for(POLL)
    expect(items(page)).to_have_count(1)


def test_more_news_than_a_page_leave_the_history_as_it_is_and_say_so(page: Page, shop: Shop) -> None:
    email = join(page)
    happen(shop, email, orders=5, hours=48)
    page.clock.install()
    page.reload()
    happen(shop, email, orders=25)
    page.clock.run_for(POLL)
    expect(page.locator("#notes")).to_contain_text("Reload the page to see all of your history.")
    expect(items(page)).to_have_count(5)


def test_nobody_looks_and_nothing_is_asked(page: Page) -> None:
    join(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.reload()
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    asked.clear()
    page.clock.run_for(5 * POLL)
    assert [url for url in asked if "timeline" in url] == []
    with page.expect_request(re.compile("timeline")):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_the_times_are_exact_for_those_who_ask(page: Page, shop: Shop) -> None:
    join_with_points(page, shop, 50)
    told = items(page).locator("time")
    expect(told).to_have_attribute("title", re.compile(r"\d{4} at \d\d:\d\d UTC"))
    expect(told.locator(".visually-hidden")).to_have_text(re.compile(r"\d{4} at"))
