"""What the night keeps of orders: points by rule, and by month how many, of whom, and how large."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.analytics.details import capture_details
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.snapshots import capture_snapshot
from portal.orders import OrderInput, OrderRules, put_order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.settings import current_settings
from tests.contract.orders import order_of
from tests.factories.accounts import make_user, sign_in

NIGHT = datetime(2026, 11, 28, tzinfo=UTC)
ZONE = ZoneInfo("UTC")


@pytest.fixture
def night(session: Session) -> dict[str, Any]:
    """The details of a night after seven orders."""
    ann = make_user(session, id="ann").id
    points = [{"kind": "points", "amount": 500}]
    told: list[tuple[str, int, int, dict[str, Any]]] = [
        ("a", 2, 3000, {"userId": ann}),
        ("b", 3, 5000, {"userId": ann}),
        ("c", 4, 10000, {"userId": ann, "tenders": points}),
        ("d", 5, 4000, {}),
        ("e", 6, 9000, {"userId": ann, "currency": "SEK"}),
        ("f", 7, 9000, {"userId": ann, "status": "cancelled"}),
        ("g", 40, 7000, {"userId": ann}),
    ]
    for reference, days, amount, fields in told:
        placed = NIGHT - timedelta(days=days)
        body = OrderInput.model_validate(order_of(amount, placedAt=placed.isoformat(), **fields))
        with clock.at(placed):
            put_order(session, reference, body, Act("test", placed), OrderRules.of(current_settings()))
    taken_back = order_of(3000, userId=ann, placedAt=(NIGHT - timedelta(days=2)).isoformat(), status="cancelled")
    moment = NIGHT - timedelta(hours=1)
    with clock.at(moment):
        state = OrderInput.model_validate(taken_back)
        put_order(session, "a", state, Act("test", moment), OrderRules.of(current_settings()))
    capture_snapshot(session, NIGHT, ZONE)
    capture_details(session, NIGHT, ZONE, "EUR")
    return dict(session.scalars(select(AnalyticsSnapshot.details)).one())


def test_points_are_counted_by_the_rule_that_issued_them(night: dict[str, Any]) -> None:
    assert night["rules"] == [
        {"rule": "base", "name": "Every order", "issued": 30 + 50 + 95, "taken_back": 30, "entries": 4}
    ]


def test_orders_are_counted_by_month(night: dict[str, Any]) -> None:
    november, october = night["orders"]
    assert (november["month"], november["orders"], november["of_members"], november["with_points"]) == (
        "2026-11",
        4,
        3,
        1,
    )
    assert (november["average_with"], november["average_without"]) == (10000, 4500)
    assert (october["month"], october["orders"], october["average_with"]) == ("2026-10", 1, None)


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ["Every order", "175", "2026-11", "75%", "€45.00", "€100.00"]),
        ("/rules", ["base", "Every order", "175"]),
        ("/orders", ["2026-10", "€70.00"]),
        ("/orders?format=csv", ["2026-11", "€45.00"]),
    ],
)
def test_the_console_shows_them(client: FlaskClient, session: Session, path: str, words: list[str]) -> None:
    sign_in(client, make_user(session, role="operator"))
    answer = client.get(f"/admin/analytics{path}")
    assert answer.status_code == 200
    assert [word for word in words if word not in answer.text] == []
