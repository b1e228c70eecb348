"""A date that a person types is a day where the programme is (an evening in Los Angeles is tomorrow in UTC)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal.ledger.models import PointLot
from portal.notifications.models import Message
from portal.nudges.models import NudgeDispatchEvent
from portal.platform import ids
from portal.platform.models import AuditEntry
from portal.platform.web.application import Portal
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member

EVENING = datetime(2026, 11, 28, 3, 52, tzinfo=UTC)  # 27 November, 19:52 in Los Angeles
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)  # days of 23 and 25 hours there


@pytest.fixture(autouse=True)
def los_angeles(app: Portal) -> Iterator[None]:
    """A programme in Los Angeles."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"programme_timezone": ZoneInfo("America/Los_Angeles")})
    yield
    app.config["SETTINGS"] = before


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """An operator, at their desk somewhere else."""
    sign_in(client, make_user(session, role="operator", timezone="Asia/Tokyo"))
    return client


@pytest.mark.parametrize(
    ("typed", "taken"), [("2026-11-27", False), ("2026-11-28", True), ("2026-11-29", True), ("2026-11-26", False)]
)
def test_tomorrow_is_in_the_future_and_lasts_to_its_end_there(
    session: Session, client: FlaskClient, typed: str, taken: bool
) -> None:
    with time_machine.travel(EVENING, tick=False):
        sign_in(client, make_user(session, role="operator"))
        make_member(session, make_user(session, id="ann"))
        form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": "Sorry"}
        form |= {"points": "5", "expiry": "date", "expires_on": typed, "description": "Sorry"}
        answer = client.post("/admin/members/ann/adjust", data=form)
    assert answer.status_code == (303 if taken else 422)
    assert ("Choose a date in the future." in answer.text) is not taken
    if taken:
        midnight = datetime.fromisoformat(typed).replace(tzinfo=UTC) + timedelta(days=1, hours=8)
        assert session.scalars(select(PointLot)).one().expires_at == midnight - timedelta(microseconds=1)


def audited(session: Session, moments: dict[str, datetime]) -> None:
    for reason, at in moments.items():
        values = {"at": at, "actor": "user:x", "action": "x", "object_type": "x", "object_id": "x", "reason": reason}
        session.execute(insert(AuditEntry).values(**values))


def edges(day: date, hours: int) -> dict[str, datetime]:
    """Moments around a day of Los Angeles of so many hours, each with the hours from UTC at its beginning."""
    offset = 8 if hours == 23 else 7
    begin = datetime(day.year, day.month, day.day, offset, tzinfo=UTC)
    end, instant = begin + timedelta(hours=hours), timedelta(microseconds=1)
    return {"day before": begin - instant, "first": begin, "last": end - instant, "day after": end}


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_day_of_the_audit_log_is_the_programmes_day_also_when_clocks_change(
    operator: FlaskClient, session: Session, day: date, hours: int
) -> None:
    audited(session, edges(day, hours))
    only = {"since": day.isoformat(), "until": day.isoformat()}
    for query in (only, {**only, "format": "csv"}):
        page = operator.get("/admin/audit", query_string=query).text
        assert [word for word in edges(day, hours) if word in page] == ["first", "last"]
    since = operator.get("/admin/audit", query_string={"since": day.isoformat()}).text
    assert [word for word in edges(day, hours) if word in since] == ["first", "last", "day after"]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_so_is_a_day_of_messages_and_of_dispatches(
    operator: FlaskClient, session: Session, day: date, hours: int
) -> None:
    member = make_member(session, make_user(session))
    for at in edges(day, hours).values():
        key = ids.encode(ids.new_id())
        common = {"dedupe_key": key, "status": "suppressed", "created_at": at}
        message = {"id": ids.new_id(), "kind": "nudge", "user_id": member.user_id, "updated_at": at, "reason": key}
        event = {"member_id": member.id, "id": ids.new_id(), "nudge_id": ids.new_id(), "reason": "no_consent"}
        session.execute(insert(Message).values(**common, **message))
        session.execute(insert(NudgeDispatchEvent).values(**common, **event))
    only = {"since": day.isoformat(), "until": day.isoformat()}
    for path in ("/admin/messages", "/admin/messages/nudges"):
        assert operator.get(path, query_string=only).text.count('data-testid="row"') == 2


def test_a_file_is_named_after_the_programmes_day(client: FlaskClient, session: Session) -> None:
    with time_machine.travel(EVENING, tick=False):
        sign_in(client, make_user(session, role="operator"))
        answer = client.get("/admin/audit", query_string={"format": "csv"})
    assert "audit-2026-11-27.csv" in answer.headers["Content-Disposition"]
