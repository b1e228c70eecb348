"""Two sweeps at once share the work, and neither stops before it is done (CONTRACT rule 3)."""

import threading
from datetime import timedelta

from portal.core import clock
from portal.core.db import unit_of_work
from portal.core.edge import Portal
from portal.core.steps import Figures
from portal.ledger import service as ledger
from portal.ledger.verify import find_differences
from tests.factories.loyalty import earn, make_member

DAY = timedelta(days=1)


def sweep() -> Figures:
    with unit_of_work() as session:
        return ledger.expire_scheduled_points(session, clock.now(), limit=2)


def test_a_sweep_whose_lots_another_one_took_goes_on_with_the_rest(committed_app: Portal) -> None:
    swept: list[Figures] = []

    def sweep_to_the_end() -> None:
        with committed_app.app_context():
            while not swept or swept[-1]["members"]:
                swept.append(sweep())

    with committed_app.app_context():
        with unit_of_work() as session:
            for _ in range(4):
                earn(session, make_member(session), 10, expires_at=clock.now() - DAY)
        other = threading.Thread(target=sweep_to_the_end)
        with unit_of_work() as session:
            assert ledger.expire_scheduled_points(session, clock.now(), limit=2)["points"] == 20
            other.start()
            other.join(0.5)
        other.join()
        assert sum(figures["points"] for figures in swept) == 20
        with unit_of_work() as session:
            assert find_differences(session) == []
