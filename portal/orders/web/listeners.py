"""What orders do when others do something: users verify addresses."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from portal.orders import claims
from portal.orders.rules import OrderRules
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.outbox import Claimed
from portal.platform.settings import current_settings


def claim_for(session: Session, addresses: Sequence[tuple[str, str]]) -> None:
    """Users' addresses are verified now: claim what waits for them."""
    claims.claim_for(session, addresses, _act(), _rules())


def claim_of_user(message: Claimed) -> None:
    """Claim what waits for a user's address. Done again, it finds nothing."""
    with unit_of_work() as session:
        claims.claim_of_user(session, message.payload["user_id"], _act(), _rules())


def _act() -> Act:
    return Act("system:address_verified", clock.now())


def _rules() -> OrderRules:
    return OrderRules.of(current_settings())
