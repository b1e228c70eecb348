"""Refunds, redemptions, sweeps and releases at once, with real commits: no hold is broken, nothing is lost (R3, R9).

`REFUND_STORM=60` lets the storm last so many seconds.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal import ledger
from portal.platform import clock
from portal.platform.db import db, unit_of_work
from portal.platform.settings import current_settings
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import Api
from tests.contract.document import Document
from tests.contract.orders import Orders, line, order_of, put_rule
from tests.contract.shop import Shop
from tests.factories.accounts import make_token, make_user

SECONDS = float(os.environ.get("REFUND_STORM", "4"))
MEMBERS, THREADS = 20, 8
HOLDS = text("""
    SELECT r.id FROM loyalty_redemptions r WHERE r.status = 'requested' AND r.points <> (
        SELECT coalesce(sum(a.points), 0) FROM loyalty_hold_allocations a
        WHERE a.member_id = r.member_id AND a.redemption_id = r.id)
""")

pytestmark = pytest.mark.usefixtures("sound_in_the_end", "held")


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of an operator's system, for the users `u0` and so on."""
    with committed_app.app_context():
        made = make_token(db.session(), "admin")
        for number in range(MEMBERS):
            make_user(db.session(), id=f"u{number}")
        db.session.commit()
    return made


@pytest.fixture
def held(committed_app: Portal) -> Iterator[None]:
    """Afterwards each open request holds what it asked for, and nobody has less than nothing."""
    yield
    with committed_app.app_context():
        assert db.session.execute(HOLDS).all() == []
        assert db.session.scalar(text("SELECT min(balance) FROM loyalty_members")) >= 0


class Stormer:
    """One of those who do something at random, again and again."""

    def __init__(self, app: Portal, document: Document, token: str, number: int) -> None:
        api = Api(app.test_client(), document, token)
        self.orders, self.shop = Orders(api), Shop(api)
        self.app, self.number, self.chance = app, number, random.Random(number)
        self.told: list[tuple[str, str]] = []
        self.done = Counter[str]()

    def run(self, until: float) -> None:
        """Go on until then."""
        acts: list[Callable[[], str]] = [self.order, self.order, self.refund, self.refund, self.undo, self.spend]
        acts += [self.hold, self.sweep, self.other_order_of_refunds]
        while time.monotonic() < until:
            self.done[self.chance.choice(acts)()] += 1

    def order(self) -> str:
        reference, user = f"s{self.number}-{len(self.told)}", f"u{self.chance.randrange(MEMBERS)}"
        placed = (clock.now() - timedelta(days=self.chance.randrange(3))).isoformat()
        body = order_of(
            line(self.chance.randrange(500, 20_000), "1", quantity=4),
            line(500, "2"),
            userId=user,
            placedAt=placed,
            paidAt=placed,
            channel=self.chance.choice(["now", "later"]),
        )
        self.orders.put(reference, body)
        self.told.append((reference, user))
        return "order"

    def refund(self) -> str:
        if not self.told:
            return "nothing"
        reference, _ = self.chance.choice(self.told)
        refund_id = f"r{self.chance.randrange(4)}"
        answer = self.orders.send_refund(
            reference, {"refundId": refund_id, "lines": [{"lineId": "1", "quantity": self.chance.randrange(1, 5)}]}
        )
        assert answer.status_code in (200, 201, 409), answer.get_json()
        return f"refund {answer.status_code}"

    def other_order_of_refunds(self) -> str:
        reference = f"s{self.number}-{len(self.told)}"
        assert self.orders.send_refund(reference, {"refundId": "r9", "lines": [{"lineId": "2"}]}).status_code == 202
        self.order()
        return "unmatched"

    def undo(self) -> str:
        if not self.told:
            return "nothing"
        reference, _ = self.chance.choice(self.told)
        return f"undo {self.orders.undo_refund(reference, f'r{self.chance.randrange(4)}').status_code}"

    def spend(self) -> str:
        """Redeem, and pay an order with it that is given back in part."""
        user = f"u{self.chance.randrange(MEMBERS)}"
        answer = self._redeem(user)
        if answer is None:
            return "poor"
        self.shop.fulfill(answer)
        tender = {"kind": "points", "amount": 300, "redemptionId": answer["id"]}
        reference = f"s{self.number}-{len(self.told)}"
        self.orders.put(reference, order_of(line(3000, "1", quantity=4), line(500, "2"), userId=user, tenders=[tender]))
        self.told.append((reference, user))
        return "spend"

    def hold(self) -> str:
        """Hold points for a moment, then cancel or fail."""
        answer = self._redeem(f"u{self.chance.randrange(MEMBERS)}")
        if answer is None:
            return "poor"
        self.chance.choice([self.shop.cancel, self.shop.fail])(answer)
        return "hold"

    def sweep(self) -> str:
        """Activate what is due, and expire what is past its date, as of some days ahead."""
        with self.app.app_context():
            now = clock.now() + timedelta(days=self.chance.randrange(4))
            rules = ledger.EarningRules.of(current_settings())
            with unit_of_work() as session:
                ledger.activate_due(session, now, rules=rules)
            with unit_of_work() as session:
                ledger.expire_scheduled_points(session, now)
        return "sweep"

    def _redeem(self, user: str) -> dict[str, str] | None:
        body = {"points": self.chance.randrange(1, 60), "description": "A thing"}
        answer = self.shop.api.post(f"/members/{user}/redemptions", body)
        assert answer.status_code in (201, 404, 409), answer.get_json()
        return answer.get_json() if answer.status_code == 201 else None


def test_a_storm_of_refunds_breaks_no_hold_and_loses_no_point(
    committed_app: Portal, document: Document, token: str
) -> None:
    admin = Api(committed_app.test_client(), document, token)
    put_rule(admin, "later", kind="order", points=50, channels=["later"], pendingDays=2)
    put_rule(admin, "short", kind="order", points=30, channels=["now"], expiryMonths=1)
    until = time.monotonic() + SECONDS

    def one(number: int) -> Counter[str]:
        stormer = Stormer(committed_app, document, token, number)
        stormer.run(until)
        return stormer.done

    done = sum(at_once(committed_app, THREADS, one), Counter[str]())
    assert {"order", "refund 201", "undo 200", "spend", "hold", "sweep", "unmatched"} <= done.keys(), done


def test_a_refund_and_its_order_at_the_same_moment_meet(committed_app: Portal, document: Document, token: str) -> None:
    """Whoever comes first: the refund is never left waiting for an order that is there."""
    for number in range(12):

        def one(which: int, number: int = number) -> int:
            orders = Orders(Api(committed_app.test_client(), document, token))
            if which:
                return orders.send_refund(f"m{number}", {"refundId": "r", "lines": [{"lineId": "1"}]}).status_code
            return orders.send(f"m{number}", order_of(5000, userId="u1")).status_code

        assert at_once(committed_app, 2, one)[0] == 201
        known = Orders(Api(committed_app.test_client(), document, token)).get(f"m{number}")
        assert [each["refundId"] for each in known["refunds"]] == ["r"]
        assert known["points"]["granted"] == known["points"]["reversed"]


def test_one_refund_told_eight_times_at_once_is_made_once(
    committed_app: Portal, document: Document, token: str
) -> None:
    Orders(Api(committed_app.test_client(), document, token)).put("A", order_of(5000, userId="u1"))
    refund = {"refundId": "r", "lines": [{"lineId": "1", "amount": 2000}]}

    def one(number: int) -> int:
        return Orders(Api(committed_app.test_client(), document, token)).send_refund("A", refund).status_code

    assert sorted(at_once(committed_app, 8, one)) == [200] * 7 + [201]
