"""A card or message about what can no longer be had disappears (CONTRACT rule 15, CONTRACT-EARNING 8.7)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.members import membership as members
from portal.platform import audit, clock
from portal.platform.web.application import Portal
from tests.contract.document import Document
from tests.contract.mailing import Mailing
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share
from tests.factories.accounts import sign_in

Act = Callable[[Shop, str, str], object]
PAGES = {"/account/loyalty", "/account/referrals", "/checkout/success?order=A-1", "/account/loyalty/for-you"}


def change(**fields: object) -> Act:
    return lambda shop, _, slug: shop.reward(slug, **{"cost": 80, **fields})


def take_the_last(shop: Shop, _: str, slug: str) -> None:
    shop.api.put("/api/v1/users/faster", {"email": "faster@example.com", "name": "Faster"})
    shop.credit("faster", 80, expiresAt=None)
    shop.reward(slug, 80, inventory=1)
    shop.redeem("faster", slug)


def raise_the_tier(shop: Shop, _: str, slug: str) -> None:
    shop.tier("gold", 1_000_000)
    shop.reward(slug, 80, minTier="gold")


def reach_the_limit(shop: Shop, user: str, slug: str) -> None:
    shop.credit(user, 200, expiresAt=None)
    shop.reward(slug, 80, perMemberLimit=1)
    shop.redeem(user, slug)


GONE: dict[str, Act] = {
    "withdrawn": change(active=False),
    "its window is over": change(endsAt="2020-01-01T00:00:00Z"),
    "not offered yet": change(startsAt="2098-01-01T00:00:00Z"),
    "out of stock": take_the_last,
    "dearer than what they have": change(cost=101),
    "points spent elsewhere": lambda shop, user, _: shop.redeem(user, points=21),
    "points taken back": lambda shop, user, _: shop.credit(user, -21),
    "for a higher tier": raise_the_tier,
    "limit reached": reach_the_limit,
}


@pytest.fixture
def browser(app: Portal, session: Session, till: Till) -> FlaskClient:
    """The browser of ann, who has 100 points."""
    client = app.test_client()
    sign_in(client, session.get_one(User, till.user_id))
    return client


@pytest.fixture
def wish(shop: Shop, till: Till, browser: FlaskClient) -> Till:
    """Ann's checkout has planned a mug for 80 points, and she has seen the card."""
    shop.reward("mug", 80)
    till.plan(redemption("wish", rewardSlug="mug"))
    assert look(till, browser) == {"nudge checkout_reminder", "action redemption", *PAGES}
    return till


def look(till: Till, browser: FlaskClient) -> set[str]:
    """Where the member is shown something of their checkout."""
    found = {f"nudge {kind}" for kind in till.nudges() if kind in ("checkout_reminder", "referral_share")}
    found |= {f"action {action['kind']}" for action in till.feed()["actions"]}
    for page in PAGES:
        html = browser.get(page, headers={"HX-Request": "true"} if page.endswith("for-you") else {}).text
        if 'data-testid="next-action"' in html or 'data-testid="nudge-card"' in html:
            found.add(page)
    return found


@pytest.mark.parametrize("cause", list(GONE))
def test_a_planned_reward_that_cannot_be_had_is_shown_nowhere(
    shop: Shop, wish: Till, browser: FlaskClient, cause: str
) -> None:
    GONE[cause](shop, wish.user_id, "mug")

    assert look(wish, browser) == set()
    assert wish.pending() == ["wish"], "its checkout may still confirm it"
    assert wish.ask("plan", redemption("wish", rewardSlug="mug")).get_json()["actions"] == []


def test_points_that_have_ended_are_not_counted_on_before_a_sweep_has_reached_them(
    shop: Shop, till: Till, browser: FlaskClient
) -> None:
    soon = clock.now() + timedelta(hours=30)
    shop.credit(till.user_id, 20, expiresAt=soon.isoformat())
    till.plan(redemption("wish", points=110))
    assert "action redemption" in look(till, browser)
    with time_machine.travel(soon + timedelta(seconds=1)):
        assert look(till, browser) == set()


@pytest.mark.parametrize("cause", ["withdrawn", "points spent elsewhere", "dearer than what they have"])
def test_what_can_be_had_again_is_shown_again_and_confirmed(
    shop: Shop, wish: Till, browser: FlaskClient, cause: str
) -> None:
    before = wish.nudges()["checkout_reminder"]
    GONE[cause](shop, wish.user_id, "mug")
    assert look(wish, browser) == set()

    shop.reward("mug", 80, active=True)
    shop.credit(wish.user_id, 50, expiresAt=None)

    assert wish.nudges()["checkout_reminder"]["id"] == before["id"], "it is the same intent"
    assert wish.confirm(redemption("wish", rewardSlug="mug"))["status"] == "confirmed"


def test_of_two_wishes_the_one_that_is_left_is_spoken_of(shop: Shop, wish: Till) -> None:
    shop.reward("cap", 60)
    wish.plan(redemption("cap", rewardSlug="cap"))
    assert wish.nudges()["checkout_reminder"]["title"] == "Cap is waiting for you"
    shop.reward("cap", 60, active=False)
    assert wish.nudges()["checkout_reminder"]["title"] == "Mug is waiting for you"
    assert [action["title"] for action in wish.feed()["actions"]] == ["Mug is waiting for you"]


@pytest.fixture
def suspend(session: Session, till: Till) -> Callable[[], None]:
    """Suspend ann."""

    def act() -> None:
        members.set_status(session, till.user_id, "suspended", audit.Act("user:olu", clock.now(), "Looked into"))

    return act


def test_who_may_not_redeem_is_not_asked_to(wish: Till, browser: FlaskClient, suspend: Callable[[], None]) -> None:
    suspend()
    assert look(wish, browser) == set()


@pytest.mark.parametrize("cause", ["suspended", "no invite left"])
def test_a_friend_who_cannot_be_invited_is_not_asked_for(
    shop: Shop, till: Till, browser: FlaskClient, suspend: Callable[[], None], cause: str
) -> None:
    till.plan(share("tell"))
    assert look(till, browser) == {"nudge referral_share", "action referral_share", *PAGES}
    if cause == "suspended":
        suspend()
    else:
        for _ in range(10):
            assert shop.api.post(f"/members/{till.user_id}/referrals", {"channel": "link"}).status_code == 201
    assert look(till, browser) == set()


def test_a_request_whose_hold_is_over_waits_no_longer(shop: Shop, till: Till) -> None:
    held = shop.redeem(till.user_id, points=10)
    ends = datetime.fromisoformat(held["holdExpiresAt"])
    with time_machine.travel(ends - timedelta(minutes=1)):
        assert "stalled_redemption" in till.nudges()
    with time_machine.travel(ends):
        assert "stalled_redemption" not in till.nudges()


@pytest.fixture
def mailing(committed_app: Portal, document: Document) -> Mailing:
    """A shop whose messages go to the preview inbox."""
    return Mailing(committed_app, document)


@pytest.mark.parametrize("shown_before", [True, False])
def test_no_message_about_it_leaves(mailing: Mailing, shown_before: bool) -> None:
    for number, cause in enumerate(GONE):
        user, slug = f"ann-{number}", f"mug-{number}"
        till = mailing.user(user)
        mailing.shop.reward(slug, 80)
        till.plan(redemption(f"wish-{number}", rewardSlug=slug))
        if shown_before:
            assert "checkout_reminder" in till.nudges()
        GONE[cause](mailing.shop, user, slug)
    glad = mailing.user("glad")
    glad.plan(redemption("glad", points=80))

    mailing.run(clock.now())

    told = mailing.shop.api.get("/nudge-dispatches", {"limit": 100, "statuses": "sent"}).get_json()["dispatches"]
    assert [event["userId"] for event in told] == ["glad"], "only what can still be had is spoken of"
