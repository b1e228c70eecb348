"""What a ledger entry should have named and does not is kept beside it, never inside (CONTRACT rule 1)."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import EntryType, LedgerText
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry
from portal.platform.web.application import Portal
from portal.redemptions.lifecycle import HoldRules, Wish, fulfill_redemption, release_redemption, reserve_points
from portal.redemptions.models import Redemption, RedemptionStatus
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, sign_in
from tests.factories.loyalty import make_member

BASE = "/api/v1/loyalty"


def request_seat(session: Session, member: Member) -> Redemption:
    wish, rules = Wish(points=40, description="Seat"), HoldRules(timedelta(hours=720))
    return reserve_points(session, member.user_id, wish, Act("t", clock.now()), rules=rules)


def fulfil_as_it_was(session: Session, redemption: Redemption, metadata: dict[str, Any]) -> None:
    """Fulfil by an entry that does not name the redemption, as entries from elsewhere do not."""
    takes = ledger.take_held_points(session, redemption.member_id, redemption.id)
    posting = ledger.Posting(
        redemption.member_id,
        -redemption.points,
        EntryType.REDEMPTION,
        "old",
        ids.encode(redemption.id),
        "fulfil",
        clock.now(),
        metadata,
        ledger.Texts("Seat"),
        takes=takes,
    )
    entry = ledger.post(session, [posting], clock.now()).entries[0]
    redemption.status, redemption.ledger_entry_id = RedemptionStatus.FULFILLED, entry.id
    redemption.fulfilled_at = redemption.closed_at = clock.now()
    session.flush()


@pytest.fixture
def member(session: Session) -> Member:
    """A member with 100 points."""
    return make_member(session, points=100)


def call(client: FlaskClient, session: Session, redemption: Redemption, **headers: str) -> Any:
    bearing = {**bearer(make_token(session, "admin")), **headers}
    return client.post(f"{BASE}/redemptions/{ids.encode(redemption.id)}/references", headers=bearing)


@pytest.mark.parametrize("metadata", [{}, {"seat": "7A"}, {"redemption_ids": [], "fulfilled_at": "long ago"}])
def test_what_is_missing_is_shown_with_the_entry_everywhere(
    client: FlaskClient, session: Session, member: Member, metadata: dict[str, Any]
) -> None:
    redemption = request_seat(session, member)
    fulfil_as_it_was(session, redemption, metadata)
    first, again = (call(client, session, redemption) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    found = first.json["metadata"]
    assert found["redemption_id"] == ids.encode(redemption.id)
    assert found == {**found, **metadata}
    headers = bearer(make_token(session, "member"), member.user_id)
    for query in ("", "?types=redemption"):
        listed = client.get(f"{BASE}/ledger{query}", headers=headers).json
        assert listed is not None
        assert listed["entries"][0] == first.json
    sign_in(client, session.get_one(User, member.user_id))
    timeline = client.get("/app/api/loyalty/timeline?types=ledger").json
    assert timeline is not None
    assert timeline["items"][0]["metadata"] == found
    inside = text("SELECT metadata FROM loyalty_ledger_entries WHERE id = :id")
    assert session.scalar(inside, {"id": redemption.ledger_entry_id}) == metadata
    assert find_differences(session) == []


def test_it_is_audited_once(client: FlaskClient, session: Session, member: Member) -> None:
    redemption = request_seat(session, member)
    fulfil_as_it_was(session, redemption, {})
    for _ in range(3):
        call(client, session, redemption)
    written = session.scalars(select(AuditEntry).where(AuditEntry.action == "redemption.reference")).all()
    assert [row.object_id for row in written] == [ids.encode(redemption.id)]


def test_an_entry_that_names_its_redemption_stays_as_it_is(
    client: FlaskClient, session: Session, member: Member
) -> None:
    redemption = request_seat(session, member)
    fulfill_redemption(session, redemption.id, Act("t", clock.now()))
    answer = call(client, session, redemption)
    assert answer.status_code == 200
    assert answer.json["metadata"] == {"redemption_id": ids.encode(redemption.id)}
    assert session.scalars(select(LedgerText.text_metadata)).all() == [{}]


@pytest.mark.parametrize("status", ["requested", "failed", "cancelled"])
def test_what_is_not_fulfilled_has_no_entry(client: FlaskClient, session: Session, member: Member, status: str) -> None:
    redemption = request_seat(session, member)
    if status != "requested":
        release_redemption(session, redemption.id, RedemptionStatus(status), Act("t", clock.now(), "x"))
    answer = call(client, session, redemption)
    assert (answer.status_code, answer.json["code"]) == (409, "redemption_not_fulfilled")
    assert (answer.json["status"], answer.json["currentStatus"]) == (409, status)


@pytest.mark.parametrize("shown", ["nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_what_there_is_not_is_404(client: FlaskClient, session: Session, shown: str) -> None:
    answer = client.post(f"{BASE}/redemptions/{shown}/references", headers=bearer(make_token(session, "admin")))
    assert (answer.status_code, answer.json["code"]) == (404, "redemption_not_found")  # type: ignore[index]  # None fails the test


def test_of_many_at_once_one_adds(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        redemption = request_seat(session, make_member(session, points=100))
        fulfil_as_it_was(session, redemption, {})
        path = f"{BASE}/redemptions/{ids.encode(redemption.id)}/references"

    def one(_: int) -> int:
        return committed_app.test_client().post(path, headers=bearer(token)).status_code

    assert sorted(at_once(committed_app, 6, one)) == [200] * 5 + [201]
