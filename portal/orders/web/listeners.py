"""What orders do when others do something: users verify addresses, and suspended members become active again."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from portal.members import Member
from portal.orders.commands import claims, operating
from portal.orders.commands.operating import REACTIVATION_TOPIC
from portal.orders.rules import OrderRules
from portal.platform import clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.outbox import Claimed
from portal.platform.settings import current_settings

BATCH = 100


def claim_for(session: Session, addresses: Sequence[tuple[str, str]]) -> None:
    """Users' addresses are verified now: claim what waits for them."""
    claims.claim_for(session, addresses, _act("address_verified"), _rules())


def claim_of_user(message: Claimed) -> None:
    """Claim what waits for a user's address. Done again, it finds nothing."""
    with unit_of_work() as session:
        claims.claim_of_user(session, message.payload["user_id"], _act("address_verified"), _rules())


def ask_to_look_again(session: Session, member: Member, after: str = "") -> None:
    """A member is active again: have a worker look at their orders, each of which is locked before its member."""
    outbox.put(session, REACTIVATION_TOPIC, [{"member_id": ids.encode(member.id), "after": after}])


def look_again(message: Claimed) -> None:
    """Book what a member's orders have earned while they were suspended, each in its own transaction, some at a time.

    Done again, it finds only those that are left.
    """
    member_id = ids.parse(message.payload["member_id"])
    assert member_id is not None, "it was put in here"
    with unit_of_work() as session:
        found = operating.list_held_back(session, member_id, after=message.payload["after"], limit=BATCH)
    for reference in found:
        with unit_of_work() as session:
            operating.look_again(session, reference, _act("member_reactivated"), _rules())
    if len(found) == BATCH:
        with unit_of_work() as session:
            ask_to_look_again(session, session.get_one(Member, member_id), found[-1])


def _act(why: str) -> Act:
    return Act(f"system:{why}", clock.now())


def _rules() -> OrderRules:
    return OrderRules.of(current_settings())
