"""One row per member who refers: kept up with every invite, so that segments never read the ledger."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_NOTE = text("""
    INSERT INTO loyalty_referral_activity AS a (member_id, open_invites, last_invite_at, last_activity_at, device)
    VALUES (:member_id, greatest(CAST(:opened AS integer), 0), CAST(:invited_at AS timestamptz),
            CAST(:active_at AS timestamptz), CAST(:device AS text))
    ON CONFLICT (member_id) DO UPDATE SET
        open_invites = a.open_invites + :opened,
        last_invite_at = greatest(a.last_invite_at, excluded.last_invite_at),
        last_activity_at = greatest(a.last_activity_at, excluded.last_activity_at),
        device = coalesce(excluded.device, a.device)
""")
_CLOSE = text("""
    UPDATE loyalty_referral_activity a SET open_invites = a.open_invites - c.closed
    FROM (SELECT member_id, count(*) AS closed FROM unnest(CAST(:member_ids AS uuid[])) AS u(member_id) GROUP BY 1) c
    WHERE a.member_id = c.member_id
""")
_DEVICE = text("""
    INSERT INTO loyalty_referral_activity AS a (member_id, device) SELECT id, :device FROM loyalty_members
    WHERE user_id = :user_id
    ON CONFLICT (member_id) DO UPDATE SET device = excluded.device WHERE a.device IS DISTINCT FROM excluded.device
""")


def note_activity(
    session: Session,
    member_id: UUID,
    *,
    opened: int = 0,
    invited_at: datetime | None = None,
    active_at: datetime | None = None,
    device: str | None = None,
) -> None:
    """Record that invites were opened (or, negative, closed), and when; the caller holds the member's row lock."""
    values = {
        "member_id": member_id,
        "opened": opened,
        "invited_at": invited_at,
        "active_at": active_at,
        "device": device,
    }
    session.execute(_NOTE, values)


def note_closed(session: Session, member_ids: list[UUID]) -> None:
    """Record one closed invite for each id given, repeated ones counting each; the caller holds the row locks."""
    session.execute(_CLOSE, {"member_ids": member_ids})


def note_device(session: Session, user_id: str, device: str) -> None:
    """Remember the browser a member refers from, for the signal `same_device`."""
    session.execute(_DEVICE, {"user_id": user_id, "device": device})
