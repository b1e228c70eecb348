"""The console of analytics: what the nights tell, as plots, tables and downloads."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.analytics.cohorts import Measure, list_cohorts
from portal.analytics.details import capture_details, capture_month, months_until
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.snapshots import capture_snapshot
from portal.analytics.web.tables import TABLES
from portal.orders import OrderInput, OrderRules, put_order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.settings import current_settings
from tests.contract.orders import order_of
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_tier
from tests.factories.referrals import complete, make_invite
from tests.statements import counted

ANALYTICS = "/admin/analytics"
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # half past midnight in Berlin


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def capture(session: Session, moment: datetime) -> AnalyticsSnapshot:
    with clock.at(moment):
        capture_snapshot(session, moment, BERLIN)
        capture_details(session, moment, BERLIN, "EUR")
        for month in months_until(moment, BERLIN):
            capture_month(session, moment, BERLIN, month)
    return session.get_one(AnalyticsSnapshot, moment.astimezone(BERLIN).date(), populate_existing=True)


@pytest.fixture
def nights(session: Session) -> AnalyticsSnapshot:
    """Two nights: Ada joined in January and came back in March, Bob joined in March and only has a referral."""
    make_tier(session, "bronze", 0)
    with clock.at(datetime(2026, 1, 15, 12, tzinfo=UTC)):
        ada = make_member(session, make_user(session, id="ada"))
    with clock.at(datetime(2026, 3, 2, 12, tzinfo=UTC)):
        friend = make_member(session, make_user(session, id="bob"))
    earn(session, ada, 300, at=datetime(2026, 1, 16, tzinfo=UTC), expires_at=datetime(2026, 5, 31, 22, 30, tzinfo=UTC))
    earn(session, ada, 200, at=datetime(2026, 3, 3, tzinfo=UTC), expires_at=None)
    invite = make_invite(session, ada, at=datetime(2026, 3, 4, tzinfo=UTC))
    complete(session, invite.code, friend.user_id, at=datetime(2026, 3, 5, tzinfo=UTC))
    capture(session, NIGHT - timedelta(days=1))
    return capture(session, NIGHT)


def tell_an_order(session: Session, placed: datetime) -> None:
    """Ada orders."""
    body = OrderInput.model_validate(order_of(5000, userId="ada", placedAt=placed.isoformat()))
    with clock.at(placed):
        put_order(session, "A-1", body, Act("test", placed), OrderRules.of(current_settings()))


def test_a_night_keeps_forecast_funnel_and_cohorts(nights: AnalyticsSnapshot) -> None:
    details = nights.details
    assert [(month["month"], month["points"]) for month in details["forecast"][:4]] == [
        ("2026-03", 0),
        ("2026-04", 0),
        ("2026-05", 0),
        ("2026-06", 300),
    ]
    assert details["forecast"][-1]["month"] is None
    assert details["funnel"] == {"converted": 1, "registered": 1}
    assert details["sizes"] == {"2026-01": 1, "2026-03": 1}
    assert details["cohorts"]["2026-03"]["2026-01"] == [1, 1]
    assert details["cohorts"]["2026-02"] == {}


def test_cohorts_are_shares_of_those_who_joined_from_their_month_on(nights: AnalyticsSnapshot) -> None:
    january, february, march = list_cohorts(nights.details, Measure.EARNED)
    assert (february.label, february.members, [cell.share for cell in february.cells]) == ("Feb 2026", 0, [0, 0])
    assert [cell.unfinished for cell in january.cells] == [False, False, True]
    assert (january.label, [cell.share for cell in january.cells]) == ("Jan 2026", [1, 0, 1])
    assert (march.label, len(march.cells)) == ("Mar 2026", 1)


def test_cohorts_go_back_a_year_over_its_turn() -> None:
    months = months_until(NIGHT, BERLIN)
    assert (months[0], months[-1], len(months)) == (date(2025, 4, 1), date(2026, 3, 1), 12)


def test_before_the_first_night_the_page_says_what_to_do(operator: FlaskClient, session: Session) -> None:
    page = operator.get(ANALYTICS).text
    assert "No night has been captured yet" in page
    assert "Capture now" not in page
    sign_in(operator, make_user(session, role="admin"))
    assert "Capture now" in operator.get(ANALYTICS).text


@pytest.mark.usefixtures("nights")
def test_each_plot_has_its_table_and_its_download(operator: FlaskClient, session: Session) -> None:
    with counted(session) as sent:
        page = operator.get(ANALYTICS).text
    assert len(sent) <= 8, sent
    for name in ("points", "velocity", "segments", "liability", "forecast"):
        assert f'data-testid="plot-{name}"' in page
        assert f"{ANALYTICS}/{name}?format=csv" in page
    assert 'data-testid="cohorts"' in page
    assert "Jun 2026" in page


@pytest.mark.usefixtures("nights")
@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_a_page_and_a_download_of_the_same_rows(
    operator: FlaskClient, session: Session, name: str
) -> None:
    tell_an_order(session, NIGHT - timedelta(days=2))
    capture(session, NIGHT)
    rows = operator.get(f"{ANALYTICS}/{name}").text.count('data-testid="row"')
    lines = operator.get(f"{ANALYTICS}/{name}?format=csv").text.splitlines()
    assert rows > 0
    assert len(lines) == rows + 1


@pytest.mark.usefixtures("nights")
def test_a_table_is_sorted_filtered_and_walked(operator: FlaskClient) -> None:
    assert operator.get(f"{ANALYTICS}/segments?segment=active").text.count('data-testid="row"') == 2
    assert operator.get(f"{ANALYTICS}/cohorts?sort=-month").status_code == 200


@pytest.mark.parametrize("query", ["nights=7", "measure=luck"])
def test_what_there_is_not_is_refused(operator: FlaskClient, query: str) -> None:
    assert operator.get(f"{ANALYTICS}?{query}").status_code == 422


def test_an_unknown_table_is_not_found(operator: FlaskClient) -> None:
    assert operator.get(f"{ANALYTICS}/secrets").status_code == 404
