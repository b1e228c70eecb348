"""The console of campaigns: how signals become messages, how these look, and a test to oneself."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.notifications.models import ChannelName, Message
from portal.nudges.models import NudgeCampaign, NudgeDispatchEvent
from portal.nudges.web.test_message import TEST_TOPIC, ask_for_test
from portal.platform import clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry, OutboxMessage
from tests.factories.accounts import csrf, make_user, sign_in
from tests.statements import counted

LIST = "/admin/programme/campaigns"
PAGE = f"{LIST}/expiring_points"
FIELDS = {
    "ttl_hours": "100",
    "frequency_cap_hours": "48",
    "priority": "70",
    "first": "sms",
    "second": "",
    "third": "email",
    "active": "y",
    "reason": "spring",
}


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator with an address and no phone is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator", email="olu@example.com", name="Olu O"))
    return client


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data=form).status_code


def campaign_of(session: Session) -> NudgeCampaign:
    return session.scalars(select(NudgeCampaign).where(NudgeCampaign.slug == "expiring_points")).one()


def test_the_list_and_its_export_hold_every_campaign(operator: FlaskClient, session: Session) -> None:
    campaigns = session.scalar(select(func.count()).select_from(NudgeCampaign))
    assert operator.get(LIST).text.count('data-testid="row"') == campaigns
    assert len(operator.get(f"{LIST}?format=csv").text.splitlines()) == 1 + (campaigns or 0)


def test_a_change_needs_a_reason_and_is_kept_with_before_and_after(operator: FlaskClient, session: Session) -> None:
    before = list(campaign_of(session).channels)

    assert post(operator, PAGE, **{**FIELDS, "reason": ""}) == 422
    assert post(operator, PAGE, **FIELDS) == 303

    session.expire_all()
    campaign = campaign_of(session)
    assert (campaign.ttl_hours, campaign.frequency_cap_hours, campaign.priority) == (100, 48, 70)
    assert campaign.channels == ["sms", "email"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "nudge_campaign.put")).one()
    assert (entry.actor, entry.reason) == ("user:olu", "spring")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["channels"], entry.after["channels"]) == (before, ["sms", "email"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_hours": "0"},
        {"ttl_hours": "often"},
        {"frequency_cap_hours": "-1"},
        {"priority": "101"},
        {"first": "email"},
        {"second": "pigeon"},
    ],
)
def test_what_cannot_be_is_refused(operator: FlaskClient, wrong: dict[str, str]) -> None:
    assert post(operator, PAGE, **{**FIELDS, **wrong}) == 422


def test_every_campaign_shows_its_message_in_each_channel(operator: FlaskClient, session: Session) -> None:
    for slug in session.scalars(select(NudgeCampaign.slug)).all():
        page = operator.get(f"{LIST}/{slug}").text
        assert all(f'data-testid="preview-{channel}"' in page for channel in ("email", "sms", "push"))
        mail = operator.get(f"{LIST}/{slug}/mail")
        assert mail.text.strip().lower().startswith("<!doctype html>")
        assert "sandbox" in mail.headers["Content-Security-Policy"]
        assert mail.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_test_goes_only_where_the_operator_can_be_reached(operator: FlaskClient, session: Session) -> None:
    assert post(operator, f"{PAGE}/test", channel="email") == 422
    assert post(operator, f"{PAGE}/test", channel="sms", reason="look") == 422
    assert post(operator, f"{PAGE}/test", channel="email", reason="look") == 303

    message = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == TEST_TOPIC)).one()
    assert (message.payload["user_id"], message.payload["channel"]) == ("olu", "email")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "nudge_campaign.test")).one()
    assert (entry.actor, entry.reason, entry.after) == ("user:olu", "look", {"channel": "email", "to": "olu"})


@pytest.mark.usefixtures("shop")
def test_a_test_is_marked_recorded_and_counts_towards_no_cap() -> None:
    with unit_of_work() as session:
        make_user(session, id="olu", role="operator", name="Olu O", marketing_messages=False)
        ask_for_test(session, campaign_of(session), ChannelName.EMAIL, "olu", Act("user:olu", clock.now(), "look"))

    outbox.deliver()

    with unit_of_work() as session:
        message: Any = session.scalars(select(Message)).one()
        assert (message.status, message.user_id, message.subject[:6]) == ("sent", "olu", "Test: ")
        assert message.details == {"test": True, "campaign": "expiring_points"}
        assert session.scalar(select(func.count()).select_from(NudgeDispatchEvent)) == 0


def test_pages_send_at_most_eight_statements(operator: FlaskClient, session: Session) -> None:
    for path in (LIST, PAGE, f"{PAGE}/mail", f"{PAGE}/test"):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, sent


def test_an_unknown_campaign_is_not_found(operator: FlaskClient) -> None:
    for path in ("none", "none/mail", "none/test"):
        assert operator.get(f"{LIST}/{path}").status_code == 404
