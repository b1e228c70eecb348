"""Earning rules over HTTP: each change is a version that nobody changes, and what holds is told in words."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.earning import RuleTerms, get_active_rules
from portal.platform import clock
from portal.platform.models import AuditEntry
from tests.factories.accounts import bearer, make_token

RULES = "/api/v1/loyalty/earning-rules"
BASE = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}
TEA = {
    "name": "Tea week",
    "kind": "spend",
    "points": 2,
    "perAmount": 100,
    "categories": ["tea", "cups"],
    "weekdays": [7, 6],
    "limits": {"perMember": {"points": 500, "window": "month"}},
    "expiryMonths": None,
}


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


def put(client: FlaskClient, token: str, slug: str, terms: dict[str, Any]) -> Any:
    return client.put(f"{RULES}/{slug}", json=terms, headers=bearer(token))


def get(client: FlaskClient, token: str, path: str) -> Any:
    answer = client.get(f"/api/v1/loyalty/{path}", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_an_empty_programme_begins_with_one_rule(client: FlaskClient, token: str) -> None:
    (base,) = get(client, token, "earning-rules")["rules"]
    assert {name: base[name] for name in (*BASE, "slug", "version")} == {**BASE, "slug": "base", "version": 1}
    assert get(client, token, "ways-to-earn")["ways"] == [
        {"rule": "base", "sentence": "Every order: 1 point for every €1.00", "points": 1, "perAmount": 100}
    ]


def test_each_change_is_a_version_and_the_same_again_is_none(client: FlaskClient, session: Session, token: str) -> None:
    made = put(client, token, "tea", TEA)
    assert (made.status_code, made.get_json()["version"]) == (201, 1)
    assert made.get_json()["expiryMonths"] is None
    again = put(client, token, "tea", TEA | {"categories": ["cups", "tea"], "weekdays": [6, 7]})
    assert (again.status_code, again.get_json()) == (200, made.get_json())
    changed = put(client, token, "tea", TEA | {"points": 3})
    assert (changed.status_code, changed.get_json()["version"]) == (200, 2)
    assert [each["points"] for each in get(client, token, "earning-rules/tea/versions")["versions"]] == [3, 2]
    assert {each["slug"]: each["version"] for each in get(client, token, "earning-rules")["rules"]} == {
        "base": 1,
        "tea": 2,
    }
    entries = session.scalars(select(AuditEntry).where(AuditEntry.object_id == "tea").order_by(AuditEntry.id)).all()
    assert [(entry.action, (entry.before or {}).get("points"), entry.after["points"]) for entry in entries] == [
        ("earning_rule.put", None, 2),
        ("earning_rule.put", 2, 3),
    ]


def test_a_rule_is_read_as_it_was_written(client: FlaskClient, token: str) -> None:
    """What was left out stays out: `expiryMonths` null means never, left out the programme's."""
    put(client, token, "tea", TEA)
    (terms,) = (rule.terms for rule in get_active_rules() if rule.slug == "tea")
    assert terms == RuleTerms.model_validate(TEA)
    assert "expiry_months" in terms.model_fields_set
    put(client, token, "tea", {name: value for name, value in TEA.items() if name != "expiryMonths"})
    (terms,) = (rule.terms for rule in get_active_rules() if rule.slug == "tea")
    assert "expiry_months" not in terms.model_fields_set


@pytest.mark.parametrize("change", ["UPDATE {0} SET terms = '{{}}'", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_the_database_refuses_to_change_a_version(session: Session, change: str) -> None:
    with pytest.raises(DBAPIError, match="loyalty_earning_rule_versions"):
        session.execute(text(change.format("loyalty_earning_rule_versions")))


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"kind": "spend", "points": 1}, "perAmount"),
        ({"kind": "order", "points": "5"}, "points"),
        ({"kind": "order", "points": 5, "weekdays": [8]}, "weekdays"),
        ({"kind": "multiplier", "multiplier": "-1"}, "multiplier"),
        ({"kind": "order", "points": 5, "from": "2026-03-01"}, "from"),
        ({"kind": "order", "points": 5, "tiers": ["a\x00"]}, "tiers"),
        ({"kind": "order", "points": 5, "limits": {"perMember": {"window": "day"}}}, "limits.perMember"),
        ({"kind": "order", "points": 5, "colour": "red"}, "colour"),
    ],
)
def test_a_rule_that_makes_no_sense_names_its_field(
    client: FlaskClient, token: str, terms: dict[str, Any], field: str
) -> None:
    answer = put(client, token, "tea", {"name": "Tea", **terms})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")
    said = answer.get_json()["errors"]
    assert any(field in error["field"] or field in error["message"] for error in said), said
    assert client.get(f"{RULES}/tea/versions", headers=bearer(token)).get_json()["code"] == "rule_not_found"


def test_ways_are_the_rules_that_hold_now(client: FlaskClient, token: str) -> None:
    now = clock.now()
    for slug, terms in {
        "first": {"name": "Welcome", "kind": "first_order", "points": 1200},
        "gold": {"name": "Double weekend", "kind": "multiplier", "multiplier": "2"},
        "over": {"name": "Over", "kind": "order", "points": 5, "until": now.isoformat()},
        "later": {"name": "Later", "kind": "order", "points": 5, "from": (now + timedelta(days=1)).isoformat()},
        "paused": {"name": "Paused", "kind": "order", "points": 5, "active": False},
    }.items():
        assert put(client, token, slug, terms).status_code == 201
    ways = {way["rule"]: way["sentence"] for way in get(client, token, "ways-to-earn")["ways"]}
    assert ways == {
        "base": "Every order: 1 point for every €1.00",
        "first": "Welcome: 1,200 points for your first order",
        "gold": "Double weekend: 2 times the points",
    }


def test_lists_go_on_from_page_to_page(client: FlaskClient, token: str) -> None:
    for number in range(4):
        put(client, token, "tea", TEA | {"points": number + 1})
        put(client, token, f"tea-{number}", TEA)
    for path, name, count in (("earning-rules", "rules", 6), ("earning-rules/tea/versions", "versions", 4)):
        found, cursor = [], ""
        while cursor is not None:
            page = get(client, token, f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
            found += [(each["slug"], each["version"]) for each in page[name]]
            cursor = page["nextCursor"]
        assert len(found) == len(set(found)) == count
