"""The console of redemptions: operators see the queue and decide, singly and many at once."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.platform import ids
from portal.platform.models import AuditEntry
from portal.redemptions.models import Redemption, RedemptionStatus
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, request_reward

QUEUE = "/admin/redemptions"


@pytest.fixture
def requests(session: Session) -> list[Redemption]:
    """Three open requests of two members."""
    make_reward(session, "mug", 100, name="Mug")
    ada = make_member(session, make_user(session, id="ada", name="Ada"), points=500)
    bob = make_member(session, make_user(session, id="bob", name="=Bob"), points=500)
    return [request_reward(session, member, "mug") for member in (ada, ada, bob)]


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data=form).status_code


def test_the_queue_lists_and_filters(operator: FlaskClient, requests: list[Redemption]) -> None:
    assert operator.get(QUEUE).text.count('data-testid="row"') == 3
    assert operator.get(f"{QUEUE}?member=ada").text.count('data-testid="row"') == 2
    assert operator.get(f"{QUEUE}?status=failed").text.count('data-testid="row"') == 0
    assert operator.get(f"{QUEUE}?waiting=stale").text.count('data-testid="row"') == 0


@pytest.mark.parametrize("query", ["status=lost", "sort=secret", "limit=7", "cursor=edited"])
def test_the_queue_refuses_what_there_is_not(operator: FlaskClient, query: str) -> None:
    assert operator.get(f"{QUEUE}?{query}").status_code in (400, 422)


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("fulfil", RedemptionStatus.FULFILLED),
        ("cancel", RedemptionStatus.CANCELLED),
        ("fail", RedemptionStatus.FAILED),
    ],
)
def test_a_decision_needs_a_reason_and_is_kept_with_it(
    operator: FlaskClient, session: Session, requests: list[Redemption], verb: str, status: RedemptionStatus
) -> None:
    path = f"{QUEUE}/{ids.encode(requests[0].id)}/{verb}"

    assert post(operator, path, reason=" ") == 422
    assert post(operator, path, reason="as agreed by phone") == 303
    assert post(operator, path, reason="again") == 409

    session.expire_all()
    assert session.get_one(Redemption, (requests[0].member_id, requests[0].id)).status == status
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == f"redemption.{status}")).one()
    assert (entry.actor, entry.reason) == ("user:olu", "as agreed by phone")


def test_many_are_decided_at_once_and_reported_singly(
    operator: FlaskClient, session: Session, requests: list[Redemption]
) -> None:
    chosen = [ids.encode(request.id) for request in requests]
    assert post(operator, f"{QUEUE}/{chosen[1]}/cancel", reason="asked for") == 303
    path = f"{QUEUE}/bulk/fulfil?" + "&".join(f"ids={key}" for key in chosen)

    form = {"csrf_token": csrf(operator), "idempotency_key": "once", "reason": "shipped"}
    report = operator.post(path, data=form).text

    assert report.count('data-outcome="done"') == 2
    assert report.count('data-outcome="refused"') == 1
    assert "It is cancelled." in report
    statuses = sorted(session.scalars(select(Redemption.status)))
    assert statuses == ["cancelled", "fulfilled", "fulfilled"]


@pytest.mark.parametrize(
    "here",
    ["endpoint=x", "_method=FOO", "_external=1", "_scheme=javascript", "_anchor=a", "status=%00", "&&=&", "/\\/evil"],
)
def test_the_way_back_is_the_queue_whatever_it_was_called_with(operator: FlaskClient, here: str) -> None:
    answer = operator.get(f"{QUEUE}/bulk/fulfil", query_string={"here": here})
    assert answer.status_code == 303
    assert answer.location.split("?")[0] == QUEUE


def test_the_way_back_keeps_every_filter(operator: FlaskClient) -> None:
    here = "status=requested&status=failed&sort=created"
    assert operator.get(f"{QUEUE}/bulk/fulfil", query_string={"here": here}).location == f"{QUEUE}?{here}"


def test_the_export_holds_every_row_and_no_formula(operator: FlaskClient, requests: list[Redemption]) -> None:
    answer = operator.get(f"{QUEUE}?format=csv")

    assert answer.mimetype == "text/csv"
    assert len(answer.text.splitlines()) == 4
    assert ",'=Bob," in answer.text


def test_an_unknown_request_is_not_found(operator: FlaskClient) -> None:
    assert operator.get(f"{QUEUE}/{ids.encode(ids.new_id())}").status_code == 404
    assert operator.get(f"{QUEUE}/nonsense").status_code == 404
