"""`POST /earning-rules/preview`: past orders judged by a draft, by the API and in the console; nothing is written."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.orders import RULE, order_of
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

API = "/api/v1/loyalty"
DOUBLE = {**RULE, "points": 2}


@pytest.fixture
def admin(session: Session) -> dict[str, str]:
    return bearer(make_token(session, "admin"))


@pytest.fixture
def year(client: FlaskClient, admin: dict[str, str], session: Session) -> None:
    """Ann's two orders and Ben's one in the last 90 days; a test order, an unpaid one and an old one."""
    for user_id in ("ann", "ben"):
        make_user(session, id=user_id)
    now = clock.now()
    rows: list[tuple[str, int, dict[str, Any]]] = [
        ("A-1", 1000, {"userId": "ann"}),
        ("A-2", 2000, {"userId": "ann", "refunds": [{"refundId": "r", "amount": 1000}]}),
        ("B-1", 4000, {"userId": "ben", "channel": "pos"}),
        ("T-1", 9000, {"userId": "ben", "test": True}),
        ("P-1", 9000, {"userId": "ben", "status": "placed"}),
        ("O-1", 9000, {"userId": "ben", "placedAt": (now - timedelta(days=91)).isoformat()}),
    ]
    for number, (reference, amount, fields) in enumerate(rows):
        placed = {"placedAt": (now - timedelta(days=1 + number)).isoformat(), **fields}
        answer = client.put(f"{API}/orders/{reference}", json=order_of(amount, **placed), headers=admin)
        assert answer.status_code == 201, answer.text


def preview(client: FlaskClient, admin: dict[str, str], slug: str, rule: Any, **fields: Any) -> Any:
    body = {"slug": slug, "rule": rule, **fields}
    answer = client.post(f"{API}/earning-rules/preview", json=body, headers=admin)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.usefixtures("year")
@pytest.mark.parametrize(
    ("slug", "rule", "fields", "now", "better", "worse"),
    [
        ("base", RULE, {}, 60, 0, 0),
        ("base", DOUBLE, {}, 120, 2, 0),
        ("base", {**DOUBLE, "active": False}, {}, 0, 0, 2),
        ("base", {**DOUBLE, "channels": ["pos"]}, {}, 80, 1, 1),
        ("base", {**RULE, "limits": {"perMember": {"points": 15, "window": "year"}}}, {}, 30, 0, 2),
        ("base", {**RULE, "limits": {"programme": 45}}, {}, 45, 0, 1),
        ("each", {"name": "Each", "kind": "order", "points": 5}, {}, 75, 2, 0),
        ("base", DOUBLE, {"days": 2}, 20, 1, 0),
    ],
)
def test_a_draft_is_judged_on_the_orders_of_these_days(
    client: FlaskClient,
    admin: dict[str, str],
    slug: str,
    rule: Any,
    fields: Any,
    now: int,
    better: int,
    worse: int,
) -> None:
    found = preview(client, admin, slug, rule, **fields)
    days = fields.get("days", 90)
    assert found["points"] == {"then": 60 if days == 90 else 10, "now": now}
    assert found["members"] == {"better": better, "worse": worse}
    assert found["orders"] == (3 if days == 90 else 1)


@pytest.mark.usefixtures("year")
def test_a_preview_writes_nothing(client: FlaskClient, admin: dict[str, str], session: Session) -> None:
    figures = text("""
        SELECT (SELECT count(*) FROM loyalty_earning_rule_versions), (SELECT count(*) FROM loyalty_ledger_entries),
               (SELECT sum(granted) FROM loyalty_earning_grants), (SELECT count(*) FROM loyalty_earning_totals)
    """)
    before = session.execute(figures).one()
    preview(client, admin, "base", {**DOUBLE, "limits": {"programme": 10}})
    assert session.execute(figures).one() == before


@pytest.mark.parametrize(
    ("changed", "field"), [({"days": 91}, "days"), ({"days": 0}, "days"), ({"rule": {"name": "X"}}, "rule.kind")]
)
def test_what_cannot_be_judged_is_refused(
    client: FlaskClient, admin: dict[str, str], changed: dict[str, Any], field: str
) -> None:
    body = {"slug": "base", "rule": RULE, **changed}
    answer = client.post(f"{API}/earning-rules/preview", json=body, headers=admin)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.usefixtures("year")
def test_the_console_tells_it_before_saving(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="admin"))
    typed = {"name": "Every order", "kind": "spend", "points": "2", "per_amount": "1.00", "step": "proportional"}
    fields = {"csrf_token": csrf(client), "seen": "1", "priority": "0", "active": "y", **typed}
    page = client.post("/admin/programme/earning-rules/base/preview", data=fields)
    assert page.status_code == 200, page.text
    assert 'data-then="60" data-now="120"' in page.text
    assert "2 members would have got more, 0 less." in page.text
