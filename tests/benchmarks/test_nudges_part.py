"""The nudges' part of `make bench` runs on whatever the parts before it have left, at any hour of any day."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.benchmarks import dataset, nudges


@pytest.mark.parametrize("hours", [0, 6, 11, 17, 24 * 3 + 21])
def test_it_finds_what_is_due(committed_app: Portal, capsys: pytest.CaptureFixture[str], hours: int) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with committed_app.app_context(), clock.at(midnight + timedelta(hours=hours)):
        with unit_of_work() as session:
            dataset.fill(session, 30, 3, clock.now())
            # Requests hold the points that expire first.
            session.execute(text("UPDATE loyalty_point_expirations SET held = remaining WHERE seq = 1"))
        nudges.measure()
    assert "nudge aggregation: 1000 due in" in capsys.readouterr().out
