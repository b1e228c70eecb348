"""`aggregate_loyalty_nudges` as the scheduler and the command line run it."""

from datetime import UTC, datetime, time, timedelta
from time import sleep

import orjson
import pytest
from sqlalchemy import text

from portal.notifications.totals import get_totals
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.nudges.people import decisions, make_due
from tests.sink import Sink


def job(app: Portal, *options: str) -> dict[str, dict[str, int]]:
    ran = app.test_cli_runner().invoke(args=["jobs", "run", "loyalty_nudge_aggregation", *options])
    assert ran.exit_code == 0, ran.output
    figures: dict[str, dict[str, int]] = orjson.loads(ran.stdout)
    return figures


def test_a_run_aggregates_and_sends_and_the_next_finds_nothing_to_do(shop: Portal) -> None:
    members = [make_due() for _ in range(3)] + [make_due(False)]
    figures = job(shop)
    assert (figures["candidates"]["made"], figures["dispatch"]["sent"], figures["dispatch"]["held"]) == (4, 3, 1)
    again = job(shop)
    assert (again["candidates"]["made"], sum(again["dispatch"].values())) == (0, 0)
    assert [decisions(member)[0][0] for member in members] == ["sent", "sent", "sent", "suppressed"]


def test_a_run_as_of_the_night_puts_off_and_one_as_of_the_morning_sends(shop: Portal) -> None:
    night = (datetime.now(UTC) + timedelta(days=1)).replace(hour=22, minute=30, second=0, microsecond=0)
    member = make_due(quiet=(time(22), time(7)), timezone="Europe/London", at=night)
    job(shop, "--at", night.isoformat())
    job(shop, "--at", (night + timedelta(minutes=10)).isoformat())
    assert decisions(member) == [("deferred", "quiet_hours", None)]
    job(shop, "--at", (night + timedelta(hours=9)).isoformat())
    assert [row[0] for row in decisions(member)] == ["deferred", "sent"]
    with unit_of_work() as session:
        sent_at = session.scalar(text("SELECT sent_at FROM loyalty_nudge_dispatch_events WHERE status = 'sent'"))
    assert timedelta(hours=9) <= sent_at - night < timedelta(hours=9, minutes=1)


def test_messages_and_non_sends_are_counted_by_channel_and_outcome(shop: Portal) -> None:
    make_due()
    make_due(False)
    job(shop)
    job(shop, "--at", (clock.now() + timedelta(hours=30)).isoformat())
    counted = {
        (sample.labels["kind"], sample.labels["channel"], sample.labels["outcome"]): sample.value
        for sample in get_totals().samples
    }
    assert counted == {("nudge", "email", "sent"): 1, ("nudge", "none", "suppressed"): 1}


@pytest.mark.parametrize("ahead", [None, timedelta(hours=30), timedelta(days=-1)])
def test_a_dispatch_was_sent_when_the_provider_took_it_also_as_of_another_time(
    mailing_shop: Portal, sink: Sink, ahead: timedelta | None
) -> None:
    begun = datetime.now(UTC) + (ahead or timedelta(0))
    make_due(at=begun - timedelta(hours=1))
    took: list[datetime] = []

    def take_long(_: object) -> None:
        sleep(0.7)
        took.append(datetime.now(UTC) + (ahead or timedelta(0)))

    sink.answers["DATA"] = take_long
    job(mailing_shop, *(() if ahead is None else ("--at", begun.isoformat())))
    with unit_of_work() as session:
        row = session.execute(
            text("""SELECT e.created_at, e.sent_at, m.sent_at AS message_sent_at, n.last_notified_at
                    FROM loyalty_nudge_dispatch_events e JOIN loyalty_nudges n ON n.id = e.nudge_id, messages m""")
        ).one()
    assert row.created_at + timedelta(seconds=0.7) <= row.sent_at
    assert abs(row.sent_at - took[0]) < timedelta(seconds=0.5)
    assert row.sent_at == row.message_sent_at == row.last_notified_at
