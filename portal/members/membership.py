"""Membership: one row per user, made when first needed, locked before its points change."""

from collections.abc import Callable, Collection
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts import User, UserNotFound
from portal.members.models import STATUSES, Member
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.problems import DomainError
from portal.platform.settings import listeners

CODE_ATTEMPTS = 10
# Event: a suspended membership is active again. Listeners are called with the session and the member, whose row is
# locked; so they do nothing themselves that locks an order.
REACTIVATED = "member_reactivated"
# SQL: the members who are staff. They are left out wherever members are counted; their points are owed all the same.
STAFF = "SELECT m.id FROM users u JOIN loyalty_members m ON m.user_id = u.id WHERE u.role <> 'member'"


class MemberSuspended(DomainError):
    """The membership is suspended: it keeps its points and cannot spend or invite."""

    code = "member_suspended"
    status = 403
    title = "This membership is suspended"


def get_member(session: Session, user_id: str) -> Member | None:
    """The membership of a user, or None before it was provisioned."""
    return session.scalar(select(Member).where(Member.user_id == user_id))


def provision_member(session: Session, user_id: str, new_code: Callable[[], str] = ids.new_code) -> tuple[Member, bool]:
    """The membership of a user, created if there is none; the flag says whether this call created it.

    Concurrent calls create only one. If a referral code is taken, another is drawn.

    :raises UserNotFound: if there is no such user.
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


_PROVISION = text("""
    INSERT INTO loyalty_members (id, user_id, referral_code, joined_at)
    SELECT new_ulid(:now), given.user_id, given.code, :now
    FROM unnest(CAST(:user_ids AS text[]), CAST(:codes AS text[])) AS given(user_id, code)
    ON CONFLICT DO NOTHING RETURNING id, user_id
""")


def provision_members(session: Session, user_ids: Collection[str]) -> list[UUID]:
    """Create memberships for these users, who have none; returns the ids, except of those made meanwhile by others."""
    missing, made = set(user_ids), list[UUID]()
    for _ in range(CODE_ATTEMPTS):
        if not missing:
            break
        wanted = sorted(missing)
        values = {"user_ids": wanted, "codes": [ids.new_code() for _ in wanted], "now": clock.now()}
        new = session.execute(_PROVISION, values).all()
        made += [row.id for row in new]
        missing -= {row.user_id for row in new}
        missing -= set(session.scalars(select(Member.user_id).where(Member.user_id.in_(missing)))) if missing else set()
    return made


def set_status(session: Session, user_id: str, status: str, act: Act) -> Member:
    """Suspend a membership or make it active again; one that is so already stays as it is. Written to the audit log.

    A suspended member keeps their points, which expire as always, and may neither redeem nor invite. What is pending
    waits, and their orders earn nothing until they are active again (CONTRACT R12).

    :raises UserNotFound: if there is no such member.
    :raises ValueError: if there is no such status.
    """
    if status not in STATUSES:
        raise ValueError(f"{status} is no status of a membership")
    member = lock_member_of_user(session, user_id)
    if member is None:
        raise UserNotFound
    if member.status != status:
        before, member.status = member.status, status
        session.flush()
        audit.record(
            session,
            act,
            action=f"member.{'suspend' if status == 'suspended' else 'reactivate'}",
            object_type="member",
            object_id=ids.encode(member.id),
            before={"status": before},
            after={"status": status},
        )
        for listener in listeners(REACTIVATED) if status == "active" else ():
            listener(session, member)
    return member


def lock_members(session: Session, member_ids: Collection[UUID]) -> None:
    """Take the row locks of these members, in id order; what is read afterwards is current."""
    statement = text("SELECT id FROM loyalty_members WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
    session.execute(statement, {"ids": list(member_ids)})


def lock_member_of_user(session: Session, user_id: str) -> Member | None:
    """The membership of a user under its row lock, freshly read; None before it was provisioned."""
    return session.scalar(
        select(Member).where(Member.user_id == user_id).with_for_update().execution_options(populate_existing=True)
    )
