"""Two sweeps at once share the work, and neither stops before it is done (CONTRACT rule 3)."""

import threading
from datetime import timedelta

from portal import ledger
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.steps import Figures
from portal.platform.web.application import Portal
from tests.factories.loyalty import earn, make_member

DAY = timedelta(days=1)


def sweep() -> Figures | None:
    with unit_of_work() as session:
        return ledger.expire_scheduled_points(session, clock.now(), limit=2)


def test_a_sweep_whose_lots_another_one_took_goes_on_with_the_rest(committed_app: Portal) -> None:
    swept: list[Figures] = []

    def sweep_to_the_end() -> None:
        with committed_app.app_context():
            while (figures := sweep()) is not None:
                swept.append(figures)

    with committed_app.app_context():
        with unit_of_work() as session:
            for _ in range(4):
                earn(session, make_member(session), 10, expires_at=clock.now() - DAY)
        other = threading.Thread(target=sweep_to_the_end)
        with unit_of_work() as session:
            first = ledger.expire_scheduled_points(session, clock.now(), limit=2)
            assert first == {"entries": 2, "points": 20, "members": 2}
            other.start()
            other.join(0.5)
        other.join()
        totals = [sum(figures[name] for figures in swept) for name in ("entries", "points", "members")]
        assert totals == [2, 20, 2], "each sweep counts what it has expired, not what it has found"
        with unit_of_work() as session:
            assert find_differences(session) == []
