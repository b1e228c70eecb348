"""Every link of the members' pages leads to what is there: a page, and the place on it that the link names."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.web.guards import Access, access_of
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.web.application import Portal
from tests.contract.pages import PageView
from tests.factories.accounts import make_user, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member, make_reward, make_tier, request_reward
from tests.factories.referrals import make_invite

DAY = timedelta(days=1)
HUB = "/account/loyalty"
SOLE = ["/", "/login", "/register", "/password/forgot", "/checkout/success?order=A-1", "/logout"]
PAGES = [
    HUB,
    f"{HUB}?types=redemption",
    f"{HUB}/rewards/mug/redeem",
    f"{HUB}/rewards/boat/redeem",
    f"{HUB}/points/{{entry}}",
    "/account/referrals",
    "/account/preferences",
    "/checkout/success?order=A-1",
    "/logout",
]
# Answered to HTMX alone; everyone else is led to the hub.
FRAGMENTS = {"rail.show"}


@pytest.fixture
def member(session: Session, client: FlaskClient) -> Member:
    """Somebody signed in with everything that a page may show."""
    make_tier(session, "gold", 100)
    make_reward(session, "mug", 20)
    make_reward(session, "boat", 1_000_000)
    member = make_member(session, make_user(session), points=5_000)
    for days in (2, 5, 20, 40, 80):
        earn(session, member, 50, expires_at=clock.now() + days * DAY)
    request_reward(session, member, "mug")
    make_intent(session, member, reward="mug", order="A-1")
    make_intent(session, member, points=30, order="A-2")
    make_intent(session, member, order="A-3")
    for _ in range(3):
        make_invite(session, member)
    for _ in range(25):
        earn(session, member, 1)
    sign_in(client, session.get_one(User, member.user_id))
    return member


def links(page: PageView, path: str) -> Iterator[str]:
    """Where the links and the forms that ask lead, those of HTMX too."""
    for element in page.root.iter():
        places = [element.get("href") if element.tag == "a" else None, element.get("hx-get")]
        if element.tag == "form" and element.get("method", "").lower() == "get":
            places.append(element.get("action"))
        yield from (urljoin(path, place) for place in places if place is not None)


def broken(client: FlaskClient, path: str) -> list[str]:
    """The links of a page that lead nowhere."""
    seen, found = set[str](), []
    answer = client.get(path)
    assert answer.status_code == 200, path
    for link in links(PageView(answer.text), path):
        parts = urlsplit(link)
        if link in seen or parts.scheme == "mailto":
            continue
        seen.add(link)
        address, fragment = urldefrag(link)
        target = client.get(address, follow_redirects=True)
        if target.status_code != 200:
            found.append(f"{link}: {target.status_code}")
        elif fragment and not any(one.get("id") == fragment for one in PageView(target.text).root.iter()):
            found.append(f"{link}: no such place")
    assert seen, path
    return found


def test_every_link_of_a_visitor_leads_somewhere(session: Session, client: FlaskClient) -> None:
    make_tier(session, "gold", 100)
    make_reward(session, "mug", 20)

    assert {path: broken(client, path) for path in SOLE} == {path: [] for path in SOLE}


def test_every_link_of_a_member_leads_somewhere(client: FlaskClient, session: Session, member: Member) -> None:
    entry = session.scalars(select(LedgerEntry.id).where(LedgerEntry.member_id == member.id)).first() or ids.NO_ID
    paths = [path.format(entry=ids.encode(entry)) for path in PAGES]
    assert {path: broken(client, path) for path in paths} == {path: [] for path in paths}


def test_every_page_of_a_member_is_walked(app: Portal, client: FlaskClient, member: Member) -> None:
    matcher = app.url_map.bind("localhost")
    walked = {matcher.match(urlsplit(path.format(entry=ids.encode(ids.NO_ID))).path)[0] for path in PAGES}

    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and access_of(rule.endpoint) is Access.PAGE and "/api/" not in rule.rule
    }

    assert pages - FRAGMENTS - walked == set()


@pytest.mark.parametrize(
    ("type_", "place"),
    [("expiring_points", "#rewards"), ("checkout_reminder", "#balances"), ("referral_share", "referrals")],
)
def test_a_card_leads_to_what_it_speaks_of(client: FlaskClient, member: Member, type_: str, place: str) -> None:
    page = PageView(client.get(HUB).text)
    card = next(card for card in page.hooks("nudge-card") if card.get("data-type") == type_)

    addresses = [link.get("href", "") for link in card.iter("a")]

    assert any(place in address for address in addresses), addresses
