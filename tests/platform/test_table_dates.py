"""Dates in the filters of tables."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import make_user, sign_in


@pytest.mark.parametrize("given", ["2024-W01-1", "2024W011", "20240331", "2024-02-30", "yesterday"])
def test_what_is_no_plain_date_is_refused_before_the_database_sees_it(
    client: FlaskClient, session: Session, given: str
) -> None:
    sign_in(client, make_user(session, role="operator"))

    assert client.get("/admin/audit", query_string={"since": given}).status_code == 422


@pytest.mark.parametrize("given", ["2024-03-31", "0001-01-01", "9999-12-31"])
def test_every_date_that_the_calendar_has_is_taken(client: FlaskClient, session: Session, given: str) -> None:
    sign_in(client, make_user(session, role="operator"))

    assert client.get("/admin/audit", query_string={"since": given, "until": given}).status_code == 200
