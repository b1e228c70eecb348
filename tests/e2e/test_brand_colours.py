"""Whatever colour a shop picks: ticks, the item one is on, buttons, chips and focus rings are seen, light and dark."""

from collections.abc import Callable

import pytest
from flask import render_template
from playwright.sync_api import Page, Route

from portal.platform.db import unit_of_work
from tests.e2e.conftest import AXE, PASSWORD, Shop
from tests.e2e.people import join_with_points, sign_in
from tests.e2e.test_pages import GRAVE
from tests.factories.accounts import make_user

COLOURS = ["#ffd400", "#ffffff", "#777777", "#000000", "#00ff88"]
TEXT, PART = 4.5, 3.0
# The contrasts of what a selector finds first, by what is measured against what.
MEASURE = """(selector) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    pen.fillStyle = under ? `rgb(${under})` : "white";
    pen.fillRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => colour.map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) =>
    element === null ? rgb("white") : rgb(getComputedStyle(element).backgroundColor, ground(element.parentElement));
  const found = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
  if (!found) return null;
  const [style, under, own] = [getComputedStyle(found), ground(found.parentElement), ground(found)];
  const shadow = style.boxShadow === "none" ? null : style.boxShadow.match(/^(.*?\\))/)[1];
  found.focus({ focusVisible: true });
  const ring = getComputedStyle(found).outlineColor;
  return {
    text: ratio(rgb(style.color), own),
    edge: ratio(rgb(style.borderTopColor, under), under),
    mark: shadow ? ratio(rgb(shadow, own), own) : 0,
    tick: ratio(rgb(getComputedStyle(found, "::before").backgroundColor, own), own),
    ring: ratio(rgb(ring, under), under),
  };
}"""
SEEN = {
    "/account/preferences": {".form-check-input:checked": {"tick": PART, "edge": PART, "ring": PART}},
    "/account/loyalty": {
        ".tabs__link[aria-current]": {"text": TEXT, "mark": PART, "ring": PART},
        ".filters__chip[aria-current]": {"text": TEXT, "edge": PART, "ring": PART},
        ".reward .btn-primary": {"text": TEXT, "edge": PART, "ring": PART},
        ".avatar": {"text": TEXT},
    },
    "/login": {".auth__card .btn-primary": {"text": TEXT, "edge": PART, "ring": PART}},
}
VISITORS = {"/": {".hero .btn": {"text": TEXT, "ring": PART}, ".hero .btn--outline": {"text": TEXT, "ring": PART}}}
CONSOLE = {"/admin/": {".sidenav__link[aria-current]": {"text": TEXT, "mark": PART, "ring": PART}}}


def paint(page: Page, shop: Shop, colour: str) -> None:
    """Let the page wear this colour from now on."""
    with shop.app.test_request_context():
        sheet = render_template("layouts/brand.css", programme={"colour": colour})

    def answer(route: Route) -> None:
        route.fulfill(body=sheet, content_type="text/css")

    page.unroute("**/brand.css")
    page.route("**/brand.css", answer)


def faint(page: Page, wanted: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """What cannot be seen well enough on these pages."""
    found = []
    for path, parts in wanted.items():
        page.goto(path)
        for selector, least in parts.items():
            measured = page.evaluate(MEASURE, selector)
            assert measured, f"{path} has no {selector}"
            found += [
                f"{path} {selector} {what} {measured[what]:.2f}" for what in least if measured[what] < least[what]
            ]
    return found


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("light", 1280), ("dark", 1280)])
def test_every_colour_is_seen(open_page: Callable[..., Page], shop: Shop, theme: str, width: int) -> None:
    options = {"color_scheme": theme, "viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}
    visitor, member = open_page(**options), open_page(**options)
    join_with_points(member, shop, 700)
    pages = {path: SEEN[path] for path in ("/account/preferences", "/account/loyalty")}

    found = {}
    for colour in COLOURS:
        paint(visitor, shop, colour)
        paint(member, shop, colour)
        found[colour] = faint(visitor, {**VISITORS, "/login": SEEN["/login"]}) + faint(member, pages)
        member.evaluate(AXE.read_text(encoding="utf-8"))
        found[colour] += member.evaluate(GRAVE)

    assert found == {colour: [] for colour in COLOURS}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_item_one_is_on_is_seen_in_the_consoles(open_page: Callable[..., Page], shop: Shop, theme: str) -> None:
    page = open_page(color_scheme=theme)
    with shop.app.app_context(), unit_of_work() as session:
        email = make_user(session, role="operator", password=PASSWORD).email
    sign_in(page, email)

    found = {}
    for colour in COLOURS:
        paint(page, shop, colour)
        found[colour] = faint(page, CONSOLE)

    assert found == {colour: [] for colour in COLOURS}
