"""Many orders in one request, each as if it were sent alone."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning import lock_totals
from portal.members import lock_members
from portal.orders.conversion import find_parties
from portal.orders.owners import lock_addresses
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput
from portal.orders.taking import Taken, put_order
from portal.orders.unmatched import lock_references
from portal.platform.audit import Act
from portal.platform.problems import DomainError

# Locks come in one order for the whole batch: addresses, references (which orders not known yet have too), known orders
# by reference, their members and those whom referrals join to them by id, then totals of rules.
_LOCK_ORDERS = text("""
    SELECT member_id FROM loyalty_orders WHERE reference = ANY(:references) ORDER BY reference FOR UPDATE
""")
_MEMBERS = text("""
    SELECT m.id FROM loyalty_members m JOIN users u ON u.id = m.user_id
    WHERE u.id = ANY(:user_ids) OR (u.email = ANY(:emails) AND u.email_verified_at IS NOT NULL)
""")


def put_orders(
    session: Session,
    rows: Sequence[tuple[str, OrderInput] | DomainError],
    act: Act,
    rules: OrderRules,
    *,
    history: bool = False,
) -> list[Taken | DomainError]:
    """Take these orders in, in their order; what became of each. A row that is refused leaves nothing behind."""
    _lock(session, [row for row in rows if not isinstance(row, DomainError)], rules)
    done: list[Taken | DomainError] = []
    for row in rows:
        if isinstance(row, DomainError):
            done.append(row)
            continue
        try:
            with session.begin_nested():
                done.append(put_order(session, *row, act, rules, history=history))
        except DomainError as refusal:
            done.append(refusal)
    return done


def _lock(session: Session, orders: Sequence[tuple[str, OrderInput]], rules: OrderRules) -> None:
    lock_addresses(session, {body.waits_for for _, body in orders if body.waits_for is not None}, rules.key)
    references = [reference for reference, _ in orders]
    lock_references(session, references)
    owners = session.scalars(_LOCK_ORDERS, {"references": references}).all()
    named = {
        "user_ids": [body.user_id for _, body in orders if body.user_id],
        "emails": [body.email.lower() for _, body in orders if body.email],
    }
    members = {*owners, *session.scalars(_MEMBERS, named)} - {None}
    codes = {body.referral_code for _, body in orders if body.referral_code}
    members |= find_parties(session, references, members, codes)
    if members:
        lock_members(session, members)
    lock_totals(session)
