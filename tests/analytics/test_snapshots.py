"""Nightly snapshots: one per night, and the points of all nights add up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.snapshots import capture_snapshot
from portal.analytics.web.schemas import SnapshotPage
from portal.platform.audit import Act
from portal.redemptions import RestoreRules, restore_part, retake_part
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member, make_tier, owe
from tests.factories.referrals import complete, make_invite

URL = "/api/v1/loyalty/analytics/velocity"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
NIGHT = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # half past midnight in Berlin


def figures(session: Session, night: str) -> dict[str, object]:
    row = session.get_one(AnalyticsSnapshot, datetime.fromisoformat(night).date(), populate_existing=True)
    return row.figures


def test_a_snapshot_counts_points_liability_and_velocity(session: Session) -> None:
    make_tier(session, "bronze", 0)
    make_tier(session, "gold", 400)
    ada, bob, friend = make_member(session), make_member(session), make_member(session)
    noon = NIGHT - timedelta(hours=12)
    earn(session, ada, 500, at=noon)
    earn(session, bob, 100, at=noon, expires_at=noon + timedelta(hours=1))
    ledger.expire_scheduled_points(session, noon + timedelta(hours=2))
    made = redemptions.reserve_points(
        session, ada.user_id, redemptions.Wish(points=50, description="Mug"), Act("t", noon), rules=HoldRules(DAY)
    )
    redemptions.fulfill_redemption(session, made.id, Act("t", noon))
    ledger.adjust_points(session, ada.id, -20, Act("t", noon, "Wrong"), rules=RULES, expires_at=None, metadata={})
    complete(session, make_invite(session, ada, at=noon).code, friend.user_id, at=noon)
    capture_snapshot(session, NIGHT, BERLIN)
    found = figures(session, "2026-03-11")
    assert found["points"] == {
        "issued": 1200,
        "redeemed": 50,
        "expired": 100,
        "withdrawn": 20,
        "from": (NIGHT - DAY).isoformat(),
        "to": NIGHT.isoformat(),
    }
    assert found["liability"]["tiers"] == [  # type: ignore[index]  # figures of a night are JSON
        {"tier": "bronze", "name": "Bronze", "members": 2, "balance": 100, "held": 0, "owed": 0},
        {"tier": "gold", "name": "Gold", "members": 1, "balance": 930, "held": 0, "owed": 0},
    ]
    assert found["velocity"] == {
        "windowDays": 28,
        "members": 1,
        "invites": 1,
        "conversions": 1,
        "inviteVelocity": 0.25,
        "conversionVelocity": 0.25,
    }


def test_what_was_refunded_was_not_redeemed_after_all(session: Session) -> None:
    ada, noon = make_member(session), NIGHT - timedelta(hours=12)
    earn(session, ada, 500, at=noon)
    wish = redemptions.Wish(points=50, description="Mug")
    made = redemptions.reserve_points(session, ada.user_id, wish, Act("t", noon), rules=HoldRules(DAY))
    redemptions.fulfill_redemption(session, made.id, Act("t", noon))
    for back in (20, 30):
        restore_part(session, made, back, Act("t", noon), RestoreRules(DAY, ledger.Shortfall.OWE))
    retake_part(session, made, 10, Act("t", noon), RestoreRules(DAY, ledger.Shortfall.OWE))
    capture_snapshot(session, NIGHT, BERLIN)
    points = figures(session, "2026-03-11")["points"]
    assert isinstance(points, dict)
    assert [points[name] for name in ("issued", "redeemed", "expired", "withdrawn")] == [500, 10, 0, 0]


def test_captured_again_a_night_has_one_row_and_nights_add_up(session: Session) -> None:
    member = make_member(session)
    for hours in (1, 20, 30, 40, 60):
        earn(session, member, hours, at=NIGHT + timedelta(hours=hours))
    for moment in (NIGHT, NIGHT + DAY, NIGHT + DAY + timedelta(hours=8), NIGHT + 2 * DAY, NIGHT + 3 * DAY):
        capture_snapshot(session, moment, BERLIN)
    assert session.scalar(select(func.count()).select_from(AnalyticsSnapshot)) == 4
    issued = [figures(session, f"2026-03-{day}")["points"]["issued"] for day in (12, 13, 14)]  # type: ignore[index]  # as above
    assert issued == [21 + 30, 40, 60]


@pytest.mark.parametrize("before", ["2026-03-28T23:30", "2026-10-24T22:30"])
def test_nights_meet_when_clocks_change(session: Session, before: str) -> None:
    moment = datetime.fromisoformat(before).replace(tzinfo=UTC)
    later = (moment.astimezone(BERLIN) + DAY).astimezone(UTC)
    capture_snapshot(session, later, BERLIN)
    night = later.astimezone(BERLIN).date().isoformat()
    assert figures(session, night)["points"]["from"] == moment.isoformat()  # type: ignore[index]  # as above


def test_operators_read_them_newest_first_page_by_page(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="operator"))
    for days in range(5):
        capture_snapshot(session, NIGHT + days * DAY, BERLIN)
    nights, cursor = [], ""
    for _ in range(3):
        answer = client.get(f"{URL}?limit=2{cursor}")
        assert answer.status_code == 200
        assert answer.json is not None
        SnapshotPage.model_validate(answer.json)
        nights += [row["night"] for row in answer.json["snapshots"]]
        cursor = f"&cursor={answer.json['nextCursor']}"
    assert nights == [f"2026-03-{day}" for day in (15, 14, 13, 12, 11)]
    assert answer.json["nextCursor"] is None
    assert client.get(f"{URL}?cursor=forged").json["code"] == "invalid_cursor"  # type: ignore[index]  # None fails the test


def test_members_and_services_without_the_scope_may_not(client: FlaskClient, session: Session) -> None:
    assert client.get(URL).status_code == 401
    token = make_token(session, "member")
    assert client.get(URL, headers=bearer(token, make_user(session).id)).status_code == 403
    assert client.get(URL, headers=bearer(make_token(session, "admin"))).status_code == 200


def test_what_is_owed_stands_beside_the_liability_and_is_not_taken_off(session: Session) -> None:
    make_tier(session, "bronze", 0)
    ada, bob = make_member(session), make_member(session)
    noon = NIGHT - timedelta(hours=12)
    owe(session, ada, 380, at=noon)
    earn(session, bob, 500, at=noon)
    capture_snapshot(session, NIGHT, BERLIN)
    liability: Any = figures(session, "2026-03-11")["liability"]
    assert (liability["total"], liability["held"], liability["owed"]) == (500, 0, 380)
    assert [(tier["balance"], tier["owed"]) for tier in liability["tiers"]] == [(500, 380)]
