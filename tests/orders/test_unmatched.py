"""Refunds whose orders have not come: listed with what to do, forgotten, and applied when the order comes after all."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.orders.state import RefundInput
from portal.orders.unmatched import keep_unmatched
from portal.platform import clock
from portal.platform.models import AuditEntry
from tests.factories.accounts import make_user, sign_in
from tests.orders.test_console import keys, operator, post

__all__ = ["operator"]
LIST = "/admin/unmatched-refunds"


@pytest.fixture
def waiting(session: Session, operator: FlaskClient) -> list[str]:
    """Refunds that have waited for 40, 31, 29 days and for none, by what their rows are called."""
    told = {"A-1": 40, "A-2": 31, "B#1": 29, "B-2": 0}
    for reference, days in told.items():
        refund = RefundInput(refund_id=f"r.{days}", amount=500)
        keep_unmatched(session, reference, refund, clock.now() - timedelta(days=days))
    return [f"{reference} r.{days}" for reference, days in told.items()]


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", [0, 1, 2, 3]), ("waiting=late", [0, 1]), ("reference=B", [2, 3]), ("reference=B%23&sort=-received_at", [2])],
)
def test_those_that_have_waited_longest_come_first(
    operator: FlaskClient, waiting: list[str], query: str, shown: list[int]
) -> None:
    assert keys(operator.get(f"{LIST}?{query}").text) == [waiting[number] for number in shown]


def test_a_refund_is_forgotten_for_a_reason(operator: FlaskClient, session: Session, waiting: list[str]) -> None:
    path = f"{LIST}/B%231/r.29/forget"
    assert "takes nothing from what it earns" in operator.get(path).text
    assert post(operator, path) == 422
    assert post(operator, path, reason="of the old till") == 303
    assert waiting[2] not in keys(operator.get(LIST).text)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "order.forget_refund")).one()
    assert (entry.object_id, entry.reason, entry.before) == ("B#1", "of the old till", {"refundId": "r.29"})


@pytest.mark.parametrize("path", ["A-1/r.31", "Z/r.40", "A-1/x", "%20/%20"])
def test_what_does_not_wait_cannot_be_forgotten(operator: FlaskClient, waiting: list[str], path: str) -> None:
    assert operator.get(f"{LIST}/{path}/forget").status_code == 404
    assert len(keys(operator.get(LIST).text)) == len(waiting)


def test_members_do_not_see_the_list(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get(LIST).status_code == 404


def test_the_list_reads_an_index(session: Session) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    statement = "EXPLAIN SELECT * FROM loyalty_unmatched_refunds ORDER BY received_at LIMIT 25"
    assert "ix_loyalty_unmatched_refunds_received_at" in "\n".join(session.scalars(text(statement)))
