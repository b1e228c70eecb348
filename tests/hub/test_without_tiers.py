"""A shop without tiers speaks of none; where there are some, the card says where the member stands."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.pages import PageView
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, make_tier

HUB = "/account/loyalty"


def hub(client: FlaskClient, session: Session, points: int = 700) -> PageView:
    """The hub of a new member with so many points earned."""
    user = make_user(session)
    make_member(session, user, points=points)
    sign_in(client, user)
    return PageView(client.get(HUB).text)


def said(page: PageView) -> str:
    """What a page says."""
    return " ".join(" ".join(page.root.itertext()).split())


@pytest.mark.parametrize("tiers", [{}, {"gold": False}])
def test_a_shop_without_tiers_has_no_tier_card(client: FlaskClient, session: Session, tiers: dict[str, bool]) -> None:
    for slug, active in tiers.items():
        make_tier(session, slug, 100, active=active)

    page = hub(client, session)

    assert not page.hooks("tier-name")
    assert not page.hooks("tier-progress")
    assert page.text("balance-available") == "700"
    assert not re.search(r"\b(tier|top|highest)\b", said(page))


def test_an_act_by_htmx_brings_no_tier_card_either(client: FlaskClient, session: Session) -> None:
    make_reward(session, "mug", 100)
    hub(client, session)

    answer = client.post(
        f"{HUB}/rewards/mug/redeem",
        data={"csrf_token": csrf(client), "idempotency_key": "once"},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 200
    assert "600" in answer.text
    assert "tier" not in answer.text


@pytest.mark.parametrize(
    ("points", "name", "sentence"),
    [
        (0, "Welcome", "100 to go"),
        (99, "Welcome", "1 to go"),
        (100, "Silver", "900 to go"),
        (1000, "Gold", "Gold is our highest tier. Thank you!"),
        (5000, "Gold", "Gold is our highest tier. Thank you!"),
    ],
)
def test_the_card_says_where_a_member_stands(
    client: FlaskClient, session: Session, points: int, name: str, sentence: str
) -> None:
    make_tier(session, "silver", 100)
    make_tier(session, "gold", 1000)

    page = hub(client, session, points)

    assert page.text("tier-name") == name
    assert sentence in page.text("tier-progress")


@pytest.mark.parametrize("tiers", [False, True])
def test_the_front_page_speaks_of_tiers_where_there_are_some(
    client: FlaskClient, session: Session, tiers: bool
) -> None:
    if tiers:
        make_tier(session, "silver", 100)

    page = said(PageView(client.get("/").text))

    assert ("Rise through the tiers" in page) is tiers
    assert ("rise through the tiers" in page) is tiers
