"""PUT /nudge-campaigns/{slug}."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.nudges.models import NudgeCampaign
from portal.nudges.signals import SIGNALS
from portal.platform.models import AuditEntry
from tests.factories.accounts import bearer, make_token

WHOLE = {
    "signal": "expiring_points",
    "ttlHours": 48,
    "frequencyCapHours": 24,
    "priority": 50,
    "channels": ["sms", "email"],
}


@pytest.fixture
def put(client: FlaskClient, session: Session) -> Any:
    token = make_token(session, "admin")

    def call(slug: str, body: Any) -> Any:
        return client.put(f"/api/v1/loyalty/nudge-campaigns/{slug}", json=body, headers=bearer(token))

    return call


def test_every_signal_has_an_active_campaign_from_the_start(session: Session) -> None:
    best = select(NudgeCampaign).where(NudgeCampaign.active).order_by(NudgeCampaign.priority.desc())
    campaigns = session.scalars(best).all()
    assert {campaign.signal for campaign in campaigns} == set(SIGNALS)
    assert [campaign.priority for campaign in campaigns] == [90, 70, 60, 30]


def test_a_campaign_is_changed_field_by_field_and_audited(session: Session, put: Any) -> None:
    answer = put("expiring_points", {"frequencyCapHours": 24, "channels": ["sms", "email"]})
    assert (answer.status_code, answer.get_json()) == (
        200,
        {
            "slug": "expiring_points",
            "signal": "expiring_points",
            "ttlHours": 336,
            "frequencyCapHours": 24,
            "priority": 90,
            "channels": ["sms", "email"],
            "active": True,
        },
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "nudge_campaign.put")).one()
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["frequency_cap_hours"], entry.after["frequency_cap_hours"]) == (168, 24)
    assert entry.object_id == "expiring_points"


def test_one_campaign_is_active_for_a_signal(session: Session, put: Any) -> None:
    active = select(NudgeCampaign.slug).where(NudgeCampaign.active, NudgeCampaign.signal == "expiring_points")
    assert put("autumn", {**WHOLE, "active": False}).status_code == 201
    assert session.scalars(active).all() == ["expiring_points"]

    assert put("autumn", {"active": True}).get_json()["active"] is True

    assert session.scalars(active).all() == ["autumn"]
    entries = session.scalars(select(AuditEntry).where(AuditEntry.object_id == "expiring_points")).all()
    assert [entry.reason for entry in entries] == ["autumn took the signal over"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "signal"),
        ({**WHOLE, "signal": "birthday"}, "signal"),
        ({**WHOLE, "ttlHours": 0}, "ttlHours"),
        ({**WHOLE, "ttlHours": "48"}, "ttlHours"),
        ({**WHOLE, "frequencyCapHours": -1}, "frequencyCapHours"),
        ({**WHOLE, "priority": 101}, "priority"),
        ({**WHOLE, "channels": ["email", "email"]}, "channels"),
        ({**WHOLE, "channels": ["fax"]}, "channels.0"),
        ({**WHOLE, "colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(put: Any, body: dict[str, Any], field: str) -> None:
    answer = put("autumn", body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.get_json()["errors"]]


def test_bad_slugs_wrong_scopes_and_methods(client: FlaskClient, session: Session, put: Any) -> None:
    assert put("No-Slug", WHOLE).status_code == 422
    url = "/api/v1/loyalty/nudge-campaigns/autumn"
    for scope in ("member", "checkout", "orders"):
        assert client.put(url, json=WHOLE, headers=bearer(make_token(session, scope), "ada")).status_code == 403
    assert client.put(url, json=WHOLE).status_code == 401
    assert client.get(url, headers=bearer(make_token(session, "admin"))).status_code == 405
