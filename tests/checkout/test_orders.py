"""All orders of what checkouts and members do with one intent, each step sent twice at once (CONTRACT Checkout)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, permutations, product
from typing import Any

import pytest
from sqlalchemy import text

from portal.jobs.web.progression import run_loyalty_progression
from portal.ledger.verify import find_differences
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.steps import Shard
from portal.platform.web.application import Portal
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.models import RedemptionStatus
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import make_member, make_reward

OK = "200"
CANCELLED, EXPIRED, FULFILLED = "409 intent_cancelled", "409 intent_expired", "409 redemption_already_fulfilled"
UNKNOWN = "404 intent_not_found"
VERBS = ("plan", "confirm", "cancel", "resolve", "drop")

# What CONTRACT says, by hand: in this state, this step leads there and is answered so.
# `resolve` and `drop` are the member's `resolved` and `cancelled`; "late" is pending past its time.
REDEMPTION = {
    "none": {
        "plan": ("pending", OK),
        "confirm": ("held", OK),
        "cancel": ("cancelled", OK),
        "resolve": ("none", UNKNOWN),
        "drop": ("none", UNKNOWN),
    },
    "pending": {
        "plan": ("pending", OK),
        "confirm": ("held", OK),
        "cancel": ("cancelled", OK),
        "resolve": ("resolved", OK),
        "drop": ("cancelled", OK),
        "time": ("late", ""),
    },
    "held": {
        "plan": ("held", OK),
        "confirm": ("held", OK),
        "cancel": ("released", OK),
        "resolve": ("held", OK),
        "drop": ("held", OK),
        "time": ("held", ""),
        "fulfil": ("spent", ""),
        "fail": ("lost", ""),
    },
    "resolved": {
        "plan": ("resolved", OK),
        "confirm": ("held", OK),
        "cancel": ("cancelled", OK),
        "resolve": ("resolved", OK),
        "drop": ("resolved", OK),
    },
    "cancelled": {
        "plan": ("cancelled", CANCELLED),
        "confirm": ("cancelled", CANCELLED),
        "cancel": ("cancelled", OK),
        "resolve": ("cancelled", OK),
        "drop": ("cancelled", OK),
    },
    "released": {
        "plan": ("released", CANCELLED),
        "confirm": ("released", CANCELLED),
        "cancel": ("released", OK),
        "resolve": ("released", OK),
        "drop": ("released", OK),
    },
    "late": {
        "plan": ("late", EXPIRED),
        "confirm": ("late", EXPIRED),
        "cancel": ("cancelled", OK),
        "resolve": ("late", OK),
        "drop": ("late", OK),
        "sweep": ("expired", ""),
    },
    "expired": {
        "plan": ("expired", EXPIRED),
        "confirm": ("expired", EXPIRED),
        "cancel": ("cancelled", OK),
        "resolve": ("expired", OK),
        "drop": ("expired", OK),
    },
    "spent": {
        "plan": ("spent", OK),
        "confirm": ("spent", OK),
        "cancel": ("spent", FULFILLED),
        "resolve": ("spent", OK),
        "drop": ("spent", OK),
    },
    "lost": {
        "plan": ("lost", OK),
        "confirm": ("lost", OK),
        "cancel": ("given up", OK),
        "resolve": ("lost", OK),
        "drop": ("lost", OK),
    },
    "given up": {
        "plan": ("given up", CANCELLED),
        "confirm": ("given up", CANCELLED),
        "cancel": ("given up", OK),
        "resolve": ("given up", OK),
        "drop": ("given up", OK),
    },
}
SHARE = {
    state: {
        verb: ("pending" if to == "held" and state != "resolved" else "resolved" if to == "held" else to, answer)
        for verb, (to, answer) in steps.items()
    }
    for state, steps in REDEMPTION.items()
    if state in ("none", "pending", "resolved", "cancelled", "late", "expired")
}

# The intent's status, its redemption (status, reason), points held and balance, of 1000, the reward costing 100.
OUTCOMES: dict[str, tuple[Any, ...]] = {
    "none": (None, None, 0, 1000),
    "pending": ("pending", None, 0, 1000),
    "held": ("confirmed", ("requested", None), 100, 1000),
    "resolved": ("resolved", None, 0, 1000),
    "cancelled": ("cancelled", None, 0, 1000),
    "released": ("cancelled", ("cancelled", "checkout_intent_cancelled"), 0, 1000),
    "late": ("pending", None, 0, 1000),
    "expired": ("expired", None, 0, 1000),
    "spent": ("confirmed", ("fulfilled", None), 0, 900),
    "lost": ("confirmed", ("failed", "Inventory depleted"), 0, 1000),
    "given up": ("cancelled", ("failed", "Inventory depleted"), 0, 1000),
}
KINDS = {"redemption": REDEMPTION, "referralShare": SHARE}


@dataclass
class Case:
    """One member with one intent, over the API and behind it."""

    app: Portal
    token: str
    kind: str
    number: int
    user_id: str

    def step(self, verb: str) -> list[str]:
        """Send the step twice at once; the two answers, in order. What happens elsewhere answers nothing."""
        if verb in ELSEWHERE:
            with self.app.app_context():
                ELSEWHERE[verb](self)
            return ["", ""]
        send = self._resolve if verb in ("resolve", "drop") else self._sync
        return sorted(at_once(self.app, 2, lambda _: send(verb)))

    def outcome(self) -> tuple[Any, ...]:
        """What the database has of it."""
        with self.app.app_context(), unit_of_work() as session:
            row = session.execute(
                text("""
                SELECT i.status, r.status AS redeemed, r.failure_reason, m.held, m.balance,
                       (SELECT count(*) FROM loyalty_redemptions a WHERE a.member_id = m.id) AS redemptions
                FROM loyalty_members m LEFT JOIN loyalty_checkout_intents i ON i.member_id = m.id
                LEFT JOIN loyalty_redemptions r ON r.member_id = m.id AND r.id = i.redemption_id
                WHERE m.user_id = :user_id"""),
                {"user_id": self.user_id},
            ).one()
        assert row.redemptions == (1 if row.redeemed else 0)
        return row.status, (row.redeemed, row.failure_reason) if row.redeemed else None, row.held, row.balance

    def change(self, statement: str) -> None:
        """Change the intent from behind."""
        with unit_of_work() as session:
            session.execute(text(statement), {"id": self._intent_id()})

    def redemption_id(self) -> Any:
        """The id of the intent's redemption."""
        with unit_of_work() as session:
            return session.scalar(
                text("SELECT redemption_id FROM loyalty_checkout_intents WHERE id = :id"), {"id": self._intent_id()}
            )

    def _intent_id(self) -> Any:
        with unit_of_work() as session:
            query = text("SELECT id FROM loyalty_checkout_intents WHERE checkout_intent_id = :id")
            return session.scalar(query, {"id": f"case-{self.number}"})

    def _sync(self, verb: str) -> str:
        wish = {"rewardSlug": "mug"} if self.kind == "redemption" else {}
        body = {
            "userId": self.user_id,
            "orderReference": "A-1",
            "action": verb,
            self.kind: {"checkoutIntentId": f"case-{self.number}", **wish},
        }
        return self._post("checkout/intents", body)

    def _resolve(self, verb: str) -> str:
        intent_id = ids.encode(self._intent_id() or ids.new_id())
        status = "resolved" if verb == "resolve" else "cancelled"
        return self._post(f"next-actions/{intent_id}/resolve", {"status": status})

    def _post(self, path: str, body: dict[str, Any]) -> str:
        answer = self.app.test_client().post(
            f"/api/v1/loyalty/{path}", json=body, headers=bearer(self.token, self.user_id)
        )
        return OK if answer.status_code == 200 else f"{answer.status_code} {answer.get_json()['code']}"


def _fulfil(case: Case) -> None:
    with unit_of_work() as session:
        redemptions.fulfill_redemption(session, case.redemption_id(), Act("test", clock.now()))


def _fail(case: Case) -> None:
    with unit_of_work() as session:
        redemptions.release_redemption(
            session, case.redemption_id(), RedemptionStatus.FAILED, Act("test", clock.now(), "Inventory depleted")
        )


def _time(case: Case) -> None:
    case.change("UPDATE loyalty_checkout_intents SET expires_at = created_at WHERE id = :id")


def _sweep(_: Case) -> None:
    step = next(step for step in run_loyalty_progression(clock.now()) if step.name == "expired_checkout_intents")
    while step.work(Shard()) is not None:
        continue


ELSEWHERE: dict[str, Callable[[Case], None]] = {"time": _time, "sweep": _sweep, "fulfil": _fulfil, "fail": _fail}
INTERRUPTED = [
    [*before, *event, *after]
    for before, event in [
        (["plan"], ["time"]),
        (["plan"], ["time", "sweep"]),
        (["confirm"], ["time"]),
        (["plan", "confirm"], ["fulfil"]),
        (["confirm"], ["fulfil"]),
        (["confirm"], ["fail"]),
    ]
    for after in permutations(VERBS, 2)
]


def expected(kind: str, steps: list[str]) -> tuple[list[list[str]], tuple[Any, ...]]:
    """The answers to every step sent twice, and the outcome, by the tables above."""
    state, answers = "none", []
    for verb in steps:
        times = []
        for _ in range(1 if verb in ELSEWHERE else 2):
            state, answer = KINDS[kind][state][verb]
            times.append(answer)
        answers.append(sorted(times * (2 if verb in ELSEWHERE else 1)))
    return answers, OUTCOMES[state]


def orders(kind: str) -> list[list[str]]:
    """All sequences of up to three steps, and those that time, the shop or a job interrupt.

    As every step is sent twice, none follows itself.
    """
    sequences = (list(steps) for length in (1, 2, 3) for steps in product(VERBS, repeat=length))
    plain = [steps for steps in sequences if all(one != other for one, other in pairwise(steps))]
    shared = [steps for steps in INTERRUPTED if steps[0] == "plan" and "fulfil" not in steps]
    return plain + (INTERRUPTED if kind == "redemption" else shared)


@pytest.mark.parametrize("kind", KINDS)
def test_every_order_ends_as_promised_with_each_step_sent_twice_at_once(committed_app: Portal, kind: str) -> None:
    todo = orders(kind)
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        make_reward(session, "mug", 100)
        members = [make_member(session, points=1000).user_id for _ in todo]
    wrong = {}
    for number, (steps, user_id) in enumerate(zip(todo, members, strict=True)):
        case = Case(committed_app, token, kind, number, user_id)
        seen = [case.step(verb) for verb in steps], case.outcome()
        if seen != expected(kind, steps):
            wrong[" ".join(steps)] = seen, expected(kind, steps)
    assert wrong == {}
    with committed_app.app_context(), unit_of_work() as session:
        assert find_differences(session) == []
