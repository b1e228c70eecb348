"""A member's nudges: brought up to date, shown, acknowledged and dismissed.

Every change of nudges holds the row lock of their member, taken in member-id order, so that aggregation, the member's
own requests and dispatch are serialised.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import UserNotFound
from portal.members import lock_member_of_user
from portal.nudges import events, state
from portal.nudges.cards import make_card, reader_of
from portal.nudges.models import NudgeStatus
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS
from portal.nudges.state import CardRow
from portal.platform.documents import Document
from portal.platform.problems import NotFound

ANSWERS = (NudgeStatus.ACKNOWLEDGED, NudgeStatus.DISMISSED)

_OF_USER = text(state.OF_USER)
_ANSWER = text("""
    WITH answered AS (
        UPDATE loyalty_nudges SET
            acknowledged_at = CASE WHEN :status = 'acknowledged' THEN coalesce(acknowledged_at, :now)
                ELSE acknowledged_at END,
            dismissed_at = CASE WHEN :status = 'dismissed' THEN coalesce(dismissed_at, :now) ELSE dismissed_at END,
            status = CASE WHEN status IN ('gone', 'dismissed') THEN status ELSE :status END,
            updated_at = :now
        WHERE member_id = :member_id AND id = :id
        RETURNING *)
    SELECT s.*, c.priority, c.channels, NULL AS action, u.locale, u.timezone
    FROM answered s JOIN loyalty_members m ON m.id = s.member_id JOIN users u ON u.id = m.user_id
    LEFT JOIN loyalty_nudge_campaigns c ON c.id = s.campaign_id
""")


class NudgeNotFound(NotFound):
    """No such nudge, or not the caller's."""

    code = "nudge_not_found"
    title = "No such nudge"


def refresh_and_list_nudges(
    session: Session, user_id: str, now: datetime, rules: NudgeRules | None = None
) -> list[Document]:
    """A user's nudges as CONTRACT 3 shows them, most urgent first; brings them up to date first if needed.

    If nothing has changed, which is nearly always so, this is one read. Acknowledged nudges stay, after the others;
    dismissed ones and those whose cause is gone are left out (CONTRACT rule 15). A user who is not a member yet has
    none.

    :raises UserNotFound: if there is no such user.
    """
    rules = rules or NudgeRules.current()
    rows = _read(session, user_id, now, rules)
    if any(row.action for row in rows):
        member = lock_member_of_user(session, user_id)
        assert member is not None
        refresh_members(session, [member.id], now, rules)
        rows = _read(session, user_id, now, rules)
    return list_cards(rows, now, rules)


def _read(session: Session, user_id: str, now: datetime, rules: NudgeRules) -> list[CardRow]:
    rows = session.execute(_OF_USER, {**state.values(rules, now), "user_id": user_id}).all()
    return cast("list[CardRow]", rows)


def list_cards(rows: list[CardRow], now: datetime, rules: NudgeRules) -> list[Document]:
    """The cards for rows of `state.OF_USER`, most urgent first.

    :raises UserNotFound: if there are no rows, not even one of nulls.
    """
    if not rows:
        raise UserNotFound
    reader = reader_of(rows[0], rules, now)
    shown = [row for row in rows if row.id is not None and row.signal in SIGNALS]
    cards = [make_card(row, reader, rules.base_url) for row in shown]
    return sorted(cards, key=lambda card: (card["status"] != NudgeStatus.ACTIVE, -card["priority"], card["id"]))


def update_nudge_status(
    session: Session, user_id: str, nudge_id: UUID, status: str, now: datetime, rules: NudgeRules | None = None
) -> Document:
    """Acknowledge or dismiss a nudge for its member; returns its card as it is now. Repeating changes nothing.

    Both stop messages about it. A dismissed nudge is off the feed until a new lot, redemption or intent causes another,
    even if its own cause was gone already. Acknowledging does not bring a dismissed one back.

    :raises NudgeNotFound: if there is no such nudge, or it is another member's.
    """
    if status not in ANSWERS:
        raise ValueError(f"{status} is no answer to a nudge")
    rules = rules or NudgeRules.current()
    member = lock_member_of_user(session, user_id)
    values = {"id": nudge_id, "member_id": member.id if member else None, "status": status, "now": now}
    answered = session.execute(_ANSWER, values).first() if member else None
    if answered is None or answered.signal not in SIGNALS:
        raise NudgeNotFound
    if answered.next_dispatch_at is not None:
        events.hold_unsent(session, [answered.id], now)
    row = cast("CardRow", answered)
    return make_card(row, reader_of(row, rules, now), rules.base_url)


def refresh_members(session: Session, member_ids: Iterable[UUID], now: datetime, rules: NudgeRules) -> dict[str, int]:
    """Bring the nudges of members up to date; returns how many were made, renewed, refreshed, revived and ended.

    For nudges that end before any decision about them, it records why they are not sent (CONTRACT rule 19). The caller
    holds the members' row locks.
    """
    found = session.execute(state.APPLY, state.values_for(rules, now, list(member_ids))).all()
    events.hold_unsent(session, [nudge_id for row in found for nudge_id in row.unsent or ()], now)
    return {row.action: row.nudges for row in found}
