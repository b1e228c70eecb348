"""Rule 5: a computed expiry is at the end of that day in the programme's timezone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.platform.db import db
from portal.platform.web.application import Portal
from tests import databases
from tests.contract.api import Api
from tests.contract.document import Document
from tests.contract.shop import Shop
from tests.factories.accounts import make_token, make_user

SECOND = timedelta(seconds=1)


@pytest.fixture(params=["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def zone(request: pytest.FixtureRequest) -> str:
    """A timezone of the programme."""
    return str(request.param)


@pytest.fixture
def elsewhere(servers: databases.Servers, app: Portal, document: Document, zone: str) -> Iterator[Shop]:
    """A shop whose programme lives in that timezone, with the user `ann`."""
    local = databases.make_app(servers, servers.create("zone"), programme_timezone=zone)
    with local.app_context():
        token = make_token(db.session(), "admin")
        make_user(db.session(), id="ann")
        db.session.commit()
    yield Shop(Api(local.test_client(), document, token))
    with local.app_context():
        db.engine.dispose()
    servers.drop("zone")


def test_a_computed_expiry_is_the_end_of_the_local_day_twelve_months_on(elsewhere: Shop, zone: str) -> None:
    earned = datetime(2030, 6, 15, 23, 30, tzinfo=UTC)
    with time_machine.travel(earned, tick=False):
        elsewhere.credit("ann", 10)
        (lot,) = elsewhere.member("ann")["expiring"]
    local = earned.astimezone(ZoneInfo(zone))
    midnight = datetime(2031, 6, local.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    expires = datetime.fromisoformat(lot["expiresAt"])
    assert midnight - SECOND <= expires <= midnight


def test_points_can_be_used_until_the_end_of_that_day(elsewhere: Shop, zone: str) -> None:
    with time_machine.travel(datetime(2030, 6, 15, 12, tzinfo=ZoneInfo(zone)), tick=False):
        elsewhere.credit("ann", 10)
    with time_machine.travel(datetime(2031, 6, 15, 23, 59, 58, tzinfo=ZoneInfo(zone)), tick=False):
        assert elsewhere.points("ann") == (10, 0, 10)
    with time_machine.travel(datetime(2031, 6, 16, 0, 0, 1, tzinfo=ZoneInfo(zone)), tick=False):
        assert elsewhere.member("ann")["available"] == 0
