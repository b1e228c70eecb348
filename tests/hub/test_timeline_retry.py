"""Asking again for a redemption that failed."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.rewards.catalogue import put_reward
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward

HUB = "/account/loyalty"
RULES = HoldRules(timedelta(days=30))
HTMX = {"HX-Request": "true"}


@pytest.fixture
def member(client: FlaskClient, session: Session) -> Member:
    user = make_user(session)
    sign_in(client, user)
    make_reward(session, "mug", 40, name="Mug", inventory=1)
    return make_member(session, user, points=100)


def failed(session: Session, member: Member, **wish: Any) -> str:
    redemption = redemptions.reserve_points(
        session, member.user_id, redemptions.Wish(**wish), Act("test", clock.now()), rules=RULES
    )
    release(session, redemption)
    return ids.encode(redemption.id)


def release(session: Session, redemption: Redemption, status: RedemptionStatus = RedemptionStatus.FAILED) -> None:
    redemptions.release_redemption(session, redemption.id, status, Act("test", clock.now(), "Sold out"))


def retry(client: FlaskClient, redemption_id: str, *, htmx: bool = False) -> Any:
    return client.post(
        f"{HUB}/redemptions/{redemption_id}/retry", data={"csrf_token": csrf(client)}, headers=HTMX if htmx else {}
    )


def redemptions_of(session: Session) -> list[Redemption]:
    return list(session.scalars(select(Redemption).order_by(Redemption.id)))


def can_retry(client: FlaskClient) -> list[bool]:
    items = client.get("/app/api/loyalty/timeline?types=redemption").get_json()["items"]
    return [item["canRetry"] for item in items]


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("wish", [{"reward_slug": "mug"}, {"points": 25, "description": "Gift wrap"}])
def test_the_same_is_asked_for_again_and_its_points_are_held(
    client: FlaskClient, session: Session, member: Member, wish: dict[str, Any], htmx: bool
) -> None:
    redemption_id = failed(session, member, **wish)
    assert can_retry(client) == [True]
    answer = retry(client, redemption_id, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    told = answer.text if htmx else client.get(HUB).text
    assert "on hold until the shop confirms" in told
    first, second = redemptions_of(session)
    assert (second.status, second.points, second.description) == ("requested", first.points, first.description)
    assert (second.retry_of, second.reward_id) == (first.id, first.reward_id)
    assert session.get_one(Member, member.id).held == first.points
    assert can_retry(client) == [False, False]
    if htmx:
        assert answer.headers["HX-Trigger"] == "timeline-changed"


def test_asking_twice_counts_once(client: FlaskClient, session: Session, member: Member) -> None:
    redemption_id = failed(session, member, points=25, description="Gift wrap")
    assert [retry(client, redemption_id).status_code for _ in range(2)] == [303, 303]
    assert len(redemptions_of(session)) == 2
    assert "We have asked for Gift wrap again." in client.get(HUB).text


def test_a_second_failure_can_be_tried_again_and_the_first_no_more(
    client: FlaskClient, session: Session, member: Member
) -> None:
    redemption_id = failed(session, member, points=25, description="Gift wrap")
    retry(client, redemption_id)
    release(session, redemptions_of(session)[1])
    assert can_retry(client) == [True, False]
    retry(client, redemption_id)
    assert "asked for again already" in client.get(HUB).text
    assert len(redemptions_of(session)) == 2
    retry(client, ids.encode(redemptions_of(session)[1].id))
    assert len(redemptions_of(session)) == 3


@pytest.mark.parametrize("htmx", [True, False])
def test_a_refusal_is_said_kindly_and_nothing_is_held(
    client: FlaskClient, session: Session, member: Member, htmx: bool
) -> None:
    redemption_id = failed(session, member, reward_slug="mug")
    put_reward(session, "mug", {"name": "Mug", "points_cost": 400}, Act("test", clock.now()))
    answer = retry(client, redemption_id, htmx=htmx)
    assert "You no longer have enough points for this." in (answer.text if htmx else client.get(HUB).text)
    assert len(redemptions_of(session)) == 1
    assert can_retry(client) == [True]


@pytest.mark.parametrize("status", ["requested", "cancelled", "fulfilled"])
def test_only_what_failed_can_be_tried_again(
    client: FlaskClient, session: Session, member: Member, status: str
) -> None:
    redemption = redemptions.reserve_points(
        session, member.user_id, redemptions.Wish("mug"), Act("test", clock.now()), rules=RULES
    )
    if status == "fulfilled":
        redemptions.fulfill_redemption(session, redemption.id, Act("test", clock.now()))
    elif status == "cancelled":
        release(session, redemption, RedemptionStatus.CANCELLED)
    retry(client, ids.encode(redemption.id))
    assert "asked for again already, or needs no second try" in client.get(HUB).text
    assert len(redemptions_of(session)) == 1


def test_strangers_unknown_ids_and_missing_tokens_are_refused(
    client: FlaskClient, session: Session, member: Member
) -> None:
    theirs = failed(session, make_member(session, points=100), points=25, description="Gift wrap")
    mine = failed(session, member, points=25, description="Gift wrap")
    assert [retry(client, other).status_code for other in (theirs, "x", ids.encode(ids.new_id()))] == [404] * 3
    assert client.post(f"{HUB}/redemptions/{mine}/retry").status_code == 400
    assert client.get(f"{HUB}/redemptions/{mine}/retry").status_code == 405
    service = bearer(make_token(session, "admin"), member.user_id)
    assert client.post(f"{HUB}/redemptions/{mine}/retry", headers=service).status_code == 403
    assert client.application.test_client().post(f"{HUB}/redemptions/{mine}/retry").status_code == 303
    assert len(redemptions_of(session)) == 2


def test_of_eight_at_once_one_asks(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user = make_user(session)
        member = make_member(session, user, points=100)
        redemption_id = failed(session, member, points=25, description="Gift wrap")
        user_id = user.id

    def again(_: int) -> int:
        client = committed_app.test_client()
        with unit_of_work() as session:
            sign_in(client, session.get_one(User, user_id))
        return int(retry(client, redemption_id).status_code)

    assert at_once(committed_app, 8, again) == [303] * 8
    with committed_app.app_context(), unit_of_work() as session:
        assert [row.status for row in redemptions_of(session)] == ["failed", "requested"]
        assert session.get_one(Member, member.id).held == 25
        assert find_differences(session) == []
