"""Generated requests over the whole document: never a 5xx, never a shape or content type it does not declare."""

from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy.orm import Session

from portal.platform.web.application import Portal
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member, make_reward, make_tier

EXAMPLES = 8
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]


def test_generated_requests_meet_no_failure_and_no_other_shape(
    app: Portal, session: Session, client: FlaskClient
) -> None:
    make_tier(session, "bronze", 0)
    make_reward(session, "mug", 10)
    make_member(session, make_user(session, id="ada"), points=1000)
    headers = bearer(make_token(session, "admin"), "ada")
    schema = from_wsgi("/api/v1/openapi.json", app)
    called: set[str] = set()
    for result in schema.get_all_operations():
        operation: Any = result.ok()
        _fuzz(operation, headers)
        called.add(operation.label)
    assert len(called) == sum(1 for _ in schema.get_all_operations())


def _fuzz(operation: Any, headers: dict[str, str]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    call()
