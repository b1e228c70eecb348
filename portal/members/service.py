"""Membership: one row per user, made when first needed, locked before its points change."""

from collections.abc import Callable, Collection
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.guards import UserNotFound
from portal.accounts.models import User
from portal.core import clock, codes, ids
from portal.core.problems import DomainError
from portal.members.models import Member

CODE_ATTEMPTS = 10


class MemberSuspended(DomainError):
    """The membership is suspended: it keeps its points and cannot spend or invite."""

    code = "member_suspended"
    status = 403
    title = "This membership is suspended"


def get_member(session: Session, user_id: str) -> Member | None:
    """The membership of a user, or None before it was provisioned."""
    return session.scalar(select(Member).where(Member.user_id == user_id))


def provision_member(
    session: Session, user_id: str, new_code: Callable[[], str] = codes.new_code
) -> tuple[Member, bool]:
    """The membership of a user, made now when there is none; the flag says whether this call made it.

    Concurrent calls make one. A referral code that is taken is drawn again.

    :raises UserNotFound: no such user.
    """
    for _ in range(CODE_ATTEMPTS):
        member = get_member(session, user_id)
        if member is not None:
            return member, False
        if session.scalar(select(User.id).where(User.id == user_id)) is None:
            raise UserNotFound
        values = {"id": ids.new_id(), "user_id": user_id, "referral_code": new_code(), "joined_at": clock.now()}
        member = session.scalar(insert(Member).values(values).on_conflict_do_nothing().returning(Member))
        if member is not None:
            return member, True
    raise RuntimeError("no free referral code was found")


def lock_members(session: Session, member_ids: Collection[UUID]) -> None:
    """Take the row locks of these members, in id order; what is read afterwards is current."""
    statement = text("SELECT id FROM loyalty_members WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
    session.execute(statement, {"ids": list(member_ids)})


def lock_member_of_user(session: Session, user_id: str) -> Member | None:
    """The membership of a user under its row lock, freshly read; None before it was provisioned."""
    return session.scalar(
        select(Member).where(Member.user_id == user_id).with_for_update().execution_options(populate_existing=True)
    )
