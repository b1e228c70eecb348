"""`ledger verify` finds each kind of tampering with orders, and nothing where nothing was tampered with."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.ledger import CHECKS
from portal.ledger.verify import find_differences
from portal.orders import OrderInput, OrderRules, put_order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.settings import current_settings
from tests.contract.orders import line, order_of
from tests.factories.accounts import make_user
from tests.statements import counted

Json = dict[str, Any]
RULES = (
    ("base", {"kind": "spend", "points": 1, "perAmount": 100}),
    ("first", {"kind": "first_order", "points": 200}),
    ("flat", {"kind": "order", "points": 30, "pendingDays": 9}),
    ("shoes", {"kind": "item", "points": 5, "skus": ["s"], "limits": {"programme": 1000}}),
    ("silent", {"kind": "item", "points": 3, "qualifies": {"tier": False}}),
)


def tell(session: Session, reference: str, body: Json) -> None:
    act = Act("test", clock.now())
    put_order(session, reference, OrderInput.model_validate(body), act, OrderRules.of(current_settings()))


@pytest.fixture
def ann(session: Session) -> str:
    return str(make_user(session).id)


@pytest.fixture
def shop(session: Session, ann: str) -> Session:
    """A shop with orders in all states."""
    ben = str(make_user(session).id)
    for slug, terms in RULES:
        put_rule(session, slug, RuleTerms.model_validate({"name": slug, **terms}), Act("test", clock.now()))
    paid = (clock.now() - timedelta(days=1)).isoformat()
    body = {**order_of(line(6000, "1", sku="s", quantity=2), line(4000, "2")), "userId": ann, "paidAt": paid}
    part = {"refundId": "r", "lines": [{"lineId": "1", "quantity": 1}]}
    for reference, state in (
        ("whole", {}),
        ("part", {"refunds": [part]}),
        ("discrepancy", {"refunds": [part, {"refundId": "d", "amount": 777}]}),
        ("gone", {"status": "cancelled"}),
        ("tested", {"test": True}),
        ("moved", {"userId": ben}),
        ("unpaid", {"status": "placed"}),
    ):
        tell(session, reference, body)
        tell(session, reference, {**body, **state})
    tell(session, "nobody", {**body, "userId": None})
    session.flush()
    session.expire_all()
    assert find_differences(session) == []
    return session


def found(session: Session, statement: str) -> set[str]:
    """The checks that find this change, which is undone again."""
    with session.begin_nested() as savepoint:
        session.execute(text(statement))
        session.expire_all()
        checks = {str(difference["check"]) for difference in find_differences(session)}
        savepoint.rollback()
    return checks


ORDER = "UPDATE loyalty_orders SET {} WHERE reference = '{}'"
GRANT = "UPDATE loyalty_earning_grants SET {} WHERE external_id = '{}' AND slug = '{}'"
REVERSAL = "UPDATE loyalty_ledger_entries SET {} WHERE external_id = 'gone' AND entry_type = 'reversal'"
OWED = """
    INSERT INTO loyalty_owed (member_id, entry_id, points, owed_at)
    SELECT member_id, id, 5, now() FROM loyalty_ledger_entries WHERE entry_type = 'reversal' LIMIT 1
"""
TAMPERED = {
    ORDER.format("granted = granted + 1", "whole"): {"order_figures"},
    ORDER.format("reversed = reversed - 1", "part"): {"order_figures"},
    GRANT.format("granted = granted + 1", "whole", "base"): {
        "order_figures",
        "order_points",
        "order_qualifying",
        "order_target",
    },
    GRANT.format("granted = granted + 1, reversed = reversed + 1", "part", "base"): {"order_figures"},
    GRANT.format("granted = granted + 1", "whole", "silent"): {"order_figures", "order_points", "order_target"},
    GRANT.format("episode = 7", "whole", "base"): {"order_target"},
    ORDER.format("content = jsonb_set(content, '{lines,1,amount}', '3000')", "whole"): {"order_target"},
    ORDER.format("content = jsonb_set(content, '{status}', '\"paid\"')", "gone"): {"order_target"},
    ORDER.format("refunds = '[]'", "discrepancy"): {"order_target"},
    ORDER.format("test = false", "tested"): {"order_target"},
    ORDER.format("test = true", "whole"): {"order_target"},
    ORDER.format("snapshot = NULL", "whole"): {"order_target"},
    ORDER.format("episode = episode + 1", "moved"): {"order_target"},
    "UPDATE loyalty_earning_totals SET points = points + 1": {"earning_totals"},
    "DELETE FROM loyalty_earning_entitlements": {"earning_once", "order_target"},
    "UPDATE loyalty_earning_entitlements SET external_id = 'part'": {"earning_once", "order_target"},
    "UPDATE loyalty_pending_credits SET points = points - 1 WHERE external_id = 'whole'": {
        "order_points",
        "order_qualifying",
        "pending",
    },
    ORDER.format("""restores = '{"01M8HG41A77H72XQWRJEBPMGEY": 5}'""", "whole"): {"order_restored"},
    "UPDATE loyalty_members SET owed = 1": {"owed"},
    OWED: {"owed", "owed_by_entry"},
    REVERSAL.format("qualifying = qualifying + 1"): {"lifetime_earned", "order_qualifying"},
    REVERSAL.format("""metadata = jsonb_set(metadata, '{takes}', '{"owed": 3}')"""): {"order_points", "owed_by_entry"},
}


def test_each_tampered_row_is_found(shop: Session) -> None:
    shop.execute(text("ALTER TABLE loyalty_ledger_entries DISABLE TRIGGER USER"))  # which refuses to change them
    assert {statement: found(shop, statement) for statement in TAMPERED} == TAMPERED


def test_a_rule_that_granted_more_than_its_limit_left_is_found(shop: Session) -> None:
    """A limited rule may have granted less than its target, for others had the room, but never more."""
    more = "UPDATE loyalty_earning_grants SET {} = {} + 1 WHERE external_id = 'whole' AND slug = 'shoes'"
    assert "order_target" not in found(shop, more.format("reversed", "reversed"))
    assert "order_target" in found(shop, more.format("granted", "granted + 1"))


def test_points_kept_back_from_the_suspended_are_right(shop: Session, ann: str) -> None:
    shop.execute(text("UPDATE loyalty_members SET status = 'suspended' WHERE user_id = :id"), {"id": ann})
    body = {**order_of(line(9000, "1", sku="s", quantity=2), line(4000, "2")), "userId": ann}
    tell(shop, "whole", body)
    shop.expire_all()
    assert find_differences(shop) == []


def test_every_target_is_recomputed_in_few_statements(shop: Session) -> None:
    with counted(shop) as sent:
        assert list(CHECKS["order_target"](shop)) == []
    assert len(sent) == 2
