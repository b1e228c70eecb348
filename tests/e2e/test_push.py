"""Notifications of the browser: turned on, shown, opened and turned off, in a profile that is not a private window.

Only the browser's push service is stood in for: it is on the internet.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.e2e.conftest import Shop
from tests.e2e.people import join
from tests.notifications.test_push import PRIVATE
from tests.sink import wait_for

ENDPOINT = "https://fcm.googleapis.com/fcm/send/this-browser"
URL = "/account/preferences"
# What a push service answers to a browser that subscribes.
PUSH_SERVICE = """
    const made = {
        endpoint: "ENDPOINT", unsubscribe: async () => true,
        toJSON: () => ({ endpoint: "ENDPOINT", keys: { p256dh: "key", auth: "secret" } }),
    };
    PushManager.prototype.subscribe = async function (options) {
        if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error("a wrong key");
        localStorage.setItem("subscribed", "yes");
        return made;
    };
    PushManager.prototype.getSubscription = async () => (localStorage.getItem("subscribed") ? made : null);
""".replace("ENDPOINT", ENDPOINT)
SHOWN = """async () => (await (await navigator.serviceWorker.getRegistration("/static/sw.js")).getNotifications())
    .map((shown) => [shown.title, shown.body, shown.data.url])"""
ACTIVE = """async () => {
    const { active } = await navigator.serviceWorker.getRegistration("/static/sw.js");
    return active?.state === "activated";
}"""
CLICK = """async () => {
    const [shown] = await self.registration.getNotifications();
    const opened = new Promise((resolve) => {
        self.clients.openWindow = async (url) => resolve(url);  // the browser's own demands a hand on the mouse
    });
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
    return opened;
}"""


@pytest.fixture(scope="module", autouse=True)
def key(shop: Shop) -> Iterator[None]:
    """The shop sends notifications."""
    settings = shop.app.config["SETTINGS"]
    settings.vapid_private_key = PRIVATE
    yield
    settings.vapid_private_key = ""


@pytest.fixture
def profile(
    playwright: Playwright, base_url: str, tmp_path: Path, watch: Callable[[Page], Page]
) -> Iterator[Callable[..., Page]]:
    """Open a watched page in a profile that is kept, with the permissions given."""
    opened: list[BrowserContext] = []

    def open_page(*permissions: str) -> Page:
        context = playwright.chromium.launch_persistent_context(
            tmp_path,
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],
            base_url=base_url,
            permissions=list(permissions),
        )
        opened.append(context)
        context.add_init_script(PUSH_SERVICE)
        return watch(context.new_page())

    yield open_page
    for context in opened:
        context.close()


def start(page: Page) -> Any:
    return page.get_by_role("button", name="Turn on for this browser")


def words(page: Page) -> Any:
    return page.locator("[data-push-words]")


def turn_on(page: Page) -> None:
    join(page)
    page.goto(URL)
    start(page).click()
    expect(words(page)).to_have_text("This browser gets notifications.")


def deliver(page: Page, origin: str, data: str) -> list[list[str]]:
    """Let the browser get a message from its push service until it shows it; the notifications that it shows then.

    A push service sends again what no browser has confirmed. The protocol of the tools has no confirmation, and a busy
    browser loses a message that comes while it stops or starts the worker.
    """
    session, registrations = page.context.new_cdp_session(page), list[dict[str, Any]]()
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    wait_for(lambda: page.evaluate(ACTIVE) and registrations)
    message = {"origin": origin, "registrationId": registrations[0]["registrationId"], "data": data}

    def send() -> Any:
        session.send("ServiceWorker.deliverPushMessage", message)
        page.wait_for_timeout(2000)
        return page.evaluate(SHOWN)

    shown: list[list[str]] = wait_for(send)
    return shown


def test_a_notification_is_turned_on_shown_and_opens_its_page(profile: Callable[..., Page], base_url: str) -> None:
    page = profile("notifications")
    turn_on(page)
    expect(start(page)).to_be_hidden()
    link = "https://shop.example/account/referrals"
    card = {"title": "You have reached Gold", "body": "Gold it is.", "url": link, "tag": "tier"}
    assert deliver(page, base_url, json.dumps(card)) == [[card["title"], card["body"], card["url"]]]
    (worker,) = page.context.service_workers
    assert worker.evaluate(CLICK) == f"{base_url}/account/referrals"


def test_a_message_that_cannot_be_read_is_shown_all_the_same(profile: Callable[..., Page], base_url: str) -> None:
    page = profile("notifications")
    turn_on(page)
    assert deliver(page, base_url, "no JSON")[0][0] == "News about your rewards"


def test_the_subscription_is_kept_remembered_and_ended(profile: Callable[..., Page], shop: Shop) -> None:
    page = profile("notifications")
    turn_on(page)
    page.reload()
    expect(words(page)).to_have_text("This browser gets notifications.")
    expect(start(page)).to_be_hidden()
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_test_id("flash")).to_contain_text("no more notifications")
    expect(words(page)).to_have_text("None of your devices gets notifications.")
    expect(start(page)).to_be_visible()


def test_turning_it_on_allows_the_channel(profile: Callable[..., Page]) -> None:
    page = profile("notifications")
    join(page)
    page.goto(URL)
    page.get_by_label("Notification on this device").uncheck()
    page.get_by_role("button", name="Save preferences").click()
    start(page).click()
    expect(words(page)).to_have_text("This browser gets notifications.")
    expect(page.get_by_label("Notification on this device")).to_be_checked()
    page.reload()
    expect(page.get_by_label("Notification on this device")).to_be_checked()


def test_who_does_not_allow_it_is_told_where_to_change_that(profile: Callable[..., Page]) -> None:
    page = profile()
    page.add_init_script("""
        Object.defineProperty(Notification, "permission", { get: () => "default" });
        Notification.requestPermission = async () => "denied";
    """)
    join(page)
    page.goto(URL)
    start(page).click()
    expect(words(page)).to_contain_text("blocked in this browser’s settings")
    expect(start(page)).to_be_hidden()


def test_who_has_blocked_it_is_told_at_once(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(Notification, 'permission', { get: () => 'denied' });")
    join(page)
    page.goto(URL)
    expect(words(page)).to_contain_text("blocked in this browser’s settings")
    expect(start(page)).to_be_hidden()


def test_a_browser_that_cannot_is_not_asked_to(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script("delete window.PushManager;")
    join(page)
    page.goto(URL)
    expect(words(page)).to_contain_text("can’t show notifications")
    expect(start(page)).to_be_hidden()


def test_a_push_service_that_refuses_leaves_the_button_and_says_so(profile: Callable[..., Page]) -> None:
    page = profile("notifications")
    page.add_init_script("PushManager.prototype.subscribe = () => Promise.reject(new DOMException('', 'AbortError'));")
    join(page)
    page.goto(URL)
    start(page).click()
    expect(page.locator("#notes")).to_have_text(re.compile("could not be turned on"))
    expect(start(page)).to_be_enabled()


def test_without_scripts_the_page_says_what_is_needed(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    join(page)
    page.goto(URL)
    expect(page.get_by_text("allow JavaScript for this page")).to_be_visible()
    expect(start(page)).to_be_hidden()


def test_a_shop_that_sends_none_does_not_speak_of_it(open_page: Callable[..., Page], shop: Shop) -> None:
    shop.app.config["SETTINGS"].vapid_private_key = ""
    page = open_page()
    join(page)
    page.goto(URL)
    shop.app.config["SETTINGS"].vapid_private_key = PRIVATE
    expect(page.locator("[data-push]")).to_have_count(0)
    expect(page.get_by_label("Notification on this device")).to_have_count(0)
