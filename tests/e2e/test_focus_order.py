"""The Tab key visits what is on a page in the order it is seen, on every screen and enlarged."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from portal.accounts.models import User
from portal.members.models import Member
from portal.platform import clock
from portal.platform.db import unit_of_work
from tests.e2e.conftest import Shop
from tests.e2e.people import join_with_points
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, request_reward
from tests.factories.referrals import make_invite

SCREENS = {
    "small phone": (320, 640),
    "phone": (390, 844),
    "desk": (1280, 900),
    "desk at 200 %": (640, 400),
    "desk at 400 %": (320, 256),
}
OPEN_PAGES = ["/", "/login", "/register", "/password/forgot"]
MEMBER_PAGES = [
    "/account/loyalty",
    "/account/referrals",
    "/account/preferences",
    "/account/loyalty/rewards/espresso/redeem",
    "/checkout/success?order=A-1001",
    "/logout",
]
UNFOLD = "document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })"
# Remembers what has the focus; false where that is nothing, or what was remembered before (the round is over).
NEXT = """() => {
  window.stops ??= [];
  const stop = document.activeElement;
  if (stop === document.body || window.stops[0] === stop) return false;
  if (window.stops.at(-1) !== stop) window.stops.push(stop);
  return true;
}"""
# Where two stops part company, the box of the later must lie below that of the earlier, or to its right.
JUMPS = """() => {
  const box = (element) => {
    const { top, bottom, left, right } = element.getBoundingClientRect();
    return { top: top + scrollY, bottom: bottom + scrollY, left, right };
  };
  const line = (element) => {
    const all = [];
    for (let one = element; one; one = one.parentElement) all.unshift(one);
    return all.filter((one) => getComputedStyle(one).display !== "contents");
  };
  const name = (element) => element.id || element.getAttribute("href") || element.textContent.trim() || element.tagName;
  const stops = window.stops.filter((stop) => !stop.classList.contains("skip-link"));
  return stops.slice(1).flatMap((later, index) => {
    const [one, two] = [line(stops[index]), line(later)];
    const fork = one.findIndex((element, depth) => element !== two[depth]);
    if (fork < 0 || !two[fork]) return [];
    const [a, b] = [box(one[fork]), box(two[fork])];
    const right = b.left >= a.right - 1;
    const below = b.top >= a.bottom - 1 || (b.top >= a.top - 1 && b.left >= a.left - 1);
    return right || below ? [] : [`${name(stops[index])} then ${name(later)}`];
  });
}"""


def furnish(shop: Shop, email: str) -> None:
    """Give a member something in every part of their pages."""
    with shop.app.app_context(), unit_of_work() as session:
        member = session.scalar(select(Member).join(User, User.id == Member.user_id).where(User.email == email))
        assert member is not None
        for days in (3, 9, 20, 40, 60):
            earn(session, member, 10, expires_at=clock.now() + timedelta(days=days))
        request_reward(session, member, "espresso")
        for order in ("A-1", "A-2"):
            make_intent(session, member, reward="espresso", order=order)
        make_intent(session, member, order="A-3")
        make_invite(session, member)


def jumps(page: Page) -> tuple[int, list[str]]:
    """Press Tab through the whole page: how many stops there are, and between which of them the focus jumps."""
    page.evaluate(UNFOLD)
    for _ in range(200):
        page.keyboard.press("Tab")
        if not page.evaluate(NEXT):
            break
    return page.evaluate("window.stops.length"), page.evaluate(JUMPS)


@pytest.mark.parametrize("screen", SCREENS)
def test_the_focus_goes_as_the_eye_does(open_page: Callable[..., Page], shop: Shop, screen: str) -> None:
    width, height = SCREENS[screen]
    page = open_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    found: dict[str, list[str]] = {}
    stops: dict[str, int] = {}

    def examine(path: str) -> None:
        page.goto(path)
        stops[path], found[path] = jumps(page)

    for path in OPEN_PAGES:
        examine(path)
    furnish(shop, join_with_points(page, shop, 2_000))
    for path in MEMBER_PAGES:
        examine(path)

    assert found == {path: [] for path in found}
    assert stops["/account/loyalty"] > 25
    assert stops["/account/referrals"] > 15
