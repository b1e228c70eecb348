"""Members with something due, and what was decided about them."""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.preferences import Preferences, put_preferences
from portal.members.models import Member
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import dispatch_batch
from portal.nudges.models import NudgeDispatchEvent
from portal.platform import clock
from portal.platform.db import unit_of_work
from tests.factories.accounts import make_user
from tests.factories.loyalty import earn, make_member

DAY = timedelta(days=1)
PUSH = '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "a", "auth": "b"}}'


def expire_soon(session: Session, member: Member, points: int = 120, days: float = 10) -> None:
    """Points that expire within the window."""
    earn(session, member, points, expires_at=clock.now() + days * DAY)


def make_due(
    marketing: bool | None = True,
    *,
    at: datetime | None = None,
    quiet: tuple[time, time] | None = None,
    muted: tuple[str, ...] = (),
    email: bool = True,
    **user: Any,
) -> Member:
    """A committed member of whom points expire in ten days."""
    with unit_of_work() as session, clock.at(at or clock.now()):
        member = make_member(session, make_user(session, marketing_messages=marketing, **user))
        if marketing is not None:
            begin, end = quiet or (None, None)
            wanted = Preferences(marketing, email=email, quiet_from=begin, quiet_until=end)
            put_preferences(session, member.user_id, wanted, muted)
        expire_soon(session, member)
        session.refresh(member)
        session.expunge(member)
    return member


def run(at: datetime | None = None) -> None:
    """Aggregate, and dispatch until nothing is due."""
    with clock.at(at or clock.now()):
        with unit_of_work() as session:
            aggregate_nudge_candidates(session, clock.now())
        while dispatch_batch():
            continue


def decisions(member: Member) -> list[tuple[str, str, str | None]]:
    """Status, reason and channel of every decision about a member, the oldest first."""
    with unit_of_work() as session:
        event = NudgeDispatchEvent
        mine = select(event.status, event.reason, event.channel).where(event.member_id == member.id)
        return [tuple(row) for row in session.execute(mine.order_by(event.created_at, event.id))]
