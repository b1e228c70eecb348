"""Orders that waited for an address: claimed once it is verified, whichever way (CONTRACT-EARNING 8.2)."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import get_user
from portal.orders.owners import find_waiting, hash_address, lock_addresses
from portal.orders.rules import OrderRules
from portal.orders.taking import give_orders
from portal.platform import outbox
from portal.platform.audit import Act
from portal.tiers import enrol

CLAIM_TOPIC = "orders.claim"
BATCH = 2_000
_WAITED_FOR = text("""
    SELECT DISTINCT given.user_id
    FROM unnest(CAST(:user_ids AS text[]), CAST(:hashes AS bytea[])) AS given(user_id, hash)
    JOIN loyalty_orders o ON o.email_hash = given.hash AND o.member_id IS NULL AND o.received_at > :since
    ORDER BY 1
""")


def claim_for(session: Session, addresses: Sequence[tuple[str, str]], act: Act, rules: OrderRules) -> None:
    """Give users the orders that wait for their addresses, which were verified in this transaction.

    That of a single user is done at once, so that they see their points; those of a file by workers, one user at a
    time, because each order is locked before its member.
    """
    if len(addresses) == 1:
        claim_waiting(session, *addresses[0], act, rules)
        return
    for start in range(0, len(addresses), BATCH):
        batch = addresses[start : start + BATCH]
        values = {
            "user_ids": [user_id for user_id, _ in batch],
            "hashes": [hash_address(address, rules.key) for _, address in batch],
            "since": act.now - rules.claim,
        }
        found = session.scalars(_WAITED_FOR, values).all()
        outbox.put(session, CLAIM_TOPIC, [{"user_id": user_id} for user_id in found])


def claim_waiting(session: Session, user_id: str, address: str, act: Act, rules: OrderRules) -> None:
    """Give a user the orders that wait for this address of theirs, and book what each of them earned."""
    lock_addresses(session, [address], rules.key)
    orders = find_waiting(session, address, act.now, rules)
    if orders:
        give_orders(session, orders, enrol(session, user_id).id, act, rules, spare=True)


def claim_of_user(session: Session, user_id: str, act: Act, rules: OrderRules) -> None:
    """Give a user the orders that wait for their address, if it is verified.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    user = get_user(session, user_id)
    if user.email is not None and user.email_verified_at is not None:
        claim_waiting(session, user.id, user.email, act, rules)
