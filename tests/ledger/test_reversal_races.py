"""Reversals at once, over real connections: no more is taken back than was given."""

from collections import Counter
from typing import Any

import pytest

from portal import ledger
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import RULES, make_member


@pytest.mark.parametrize(
    ("points", "won", "left"), [(None, 1, {0}), (60, 1, {40}), (50, 2, {0}), (30, 3, {10}), (100, 1, {0})]
)
def test_together_they_take_no_more_than_there_was(
    committed_app: Portal, points: int | None, won: int, left: set[int]
) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        member_id, act = make_member(session).id, Act("t", clock.now(), "Goodwill")
        posted = ledger.adjust_points(session, member_id, 100, act, rules=RULES, expires_at=None, metadata={})
        entry = ids.encode(posted.entries[0].id)
    body: dict[str, Any] = {"reason": "Twice", **({} if points is None else {"points": points})}

    def reverse(_: int) -> Any:
        path = f"/api/v1/loyalty/ledger/{entry}/reversal"
        return committed_app.test_client().post(path, json=body, headers=bearer(token))

    answers = at_once(committed_app, 6, reverse)
    assert Counter(answer.status_code for answer in answers) == {201: won, 409: 6 - won}
    assert {answer.get_json()["remaining"] for answer in answers if answer.status_code == 409} == left
    with committed_app.app_context(), unit_of_work() as session:
        member = session.get_one(Member, member_id)
        assert member.balance == member.lifetime_earned == 100 - won * (points or 100)
        assert find_differences(session) == []
