"""The audit log of the console: searched by who, what, on what, when and why."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.platform import audit, clock
from portal.platform.audit import Act
from portal.platform.models import AuditEntry
from tests.factories.accounts import make_user, sign_in

AUDIT = "/admin/audit"


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in, and a log of two entries."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    for actor, name in (("user:olu", "gold"), ("token:shop", "silver")):
        audit.record(
            session,
            Act(actor, clock.now(), f"for <{name}> & more"),
            action="tier.put",
            object_type="tier",
            object_id=name,
            before={"threshold": 10, "name": name},
            after={"threshold": 20, "name": name},
        )
    session.flush()
    return client


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", 2),
        ("actor=user:olu", 1),
        ("action=tier", 2),
        ("action=member", 0),
        ("object_id=silver", 1),
        ("reason=%3Cgold", 1),
        ("since=2000-01-01&until=2100-01-01", 2),
        ("until=2000-01-01", 0),
    ],
)
def test_the_log_is_searched(operator: FlaskClient, query: str, rows: int) -> None:
    page = operator.get(f"{AUDIT}?{query}").text

    assert page.count('data-testid="row"') == rows
    assert "<gold>" not in page


@pytest.mark.parametrize("query", ["since=yesterday", "sort=actor", "cursor=x"])
def test_a_search_that_cannot_be_is_refused(operator: FlaskClient, query: str) -> None:
    assert operator.get(f"{AUDIT}?{query}").status_code in (400, 422)


def test_an_entry_shows_what_changed(operator: FlaskClient, session: Session) -> None:
    number = session.scalars(select(AuditEntry.id).where(AuditEntry.object_id == "gold")).one()

    page = operator.get(f"{AUDIT}/{number}").text

    assert "<strong>20</strong>" in page
    assert "for &lt;gold&gt; &amp; more" in page


@pytest.mark.parametrize("number", [0, 2**70])
def test_an_unknown_entry_is_not_found(operator: FlaskClient, number: int) -> None:
    assert operator.get(f"{AUDIT}/{number}").status_code == 404


def test_pages_follow_each_other_without_gap_or_repeat(operator: FlaskClient, session: Session) -> None:
    for number in range(60):
        audit.record(session, Act("cli", clock.now()), action="x", object_type="y", object_id=str(number))
    session.flush()
    seen, path = [], f"{AUDIT}?actor=cli"
    while path:
        page = operator.get(path).text
        seen += page.split('data-key="')[1:]
        rest = page.split('data-testid="next-rows"')
        path = rest[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if len(rest) > 1 else ""

    keys = [int(part.split('"')[0]) for part in seen]
    assert len(keys) == 60
    assert keys == sorted(keys, reverse=True)
