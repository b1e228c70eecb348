"""Addresses that somebody holds without having shown that they are theirs: who vouches for one takes it over."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts.sessions import end_sessions_of
from portal.core import audit, clock

# Under the row's lock: who verifies the address at this moment keeps it.
_RELEASE = text("""
    UPDATE users u SET email = NULL, email_normalized = NULL, updated_at = :now
    FROM (SELECT h.id, h.email FROM users h
          JOIN unnest(CAST(:emails AS text[]), CAST(:owners AS text[])) AS given(email, owner)
            ON h.email = given.email AND h.id <> given.owner
          WHERE h.email_verified_at IS NULL ORDER BY h.id FOR UPDATE OF h) held
    WHERE u.id = held.id RETURNING u.id, held.email
""")


def release_address(session: Session, email: str, *, to: str, actor: str) -> None:
    """Take an address from the user who holds it unverified, for the user `to` (CONTRACT-SHOP 9.1).

    The holder keeps account and points, without an address; their sign-ins end. A verified address stays theirs.
    """
    release_addresses(session, [(email, to)], actor=actor)


def release_addresses(session: Session, given: Sequence[tuple[str, str]], *, actor: str, reason: str = "") -> None:
    """As `release_address`, for many addresses, each with the id of the user who gets it; written to the audit log."""
    emails, owners = [email for email, _ in given], [owner for _, owner in given]
    held = session.execute(_RELEASE, {"emails": emails, "owners": owners, "now": clock.now()}).all()
    owner_of = dict(given)
    for user_id, email in held:
        end_sessions_of(session, user_id)
        audit.record(
            session,
            actor=actor,
            action="user.address_taken_over",
            object_type="user",
            object_id=user_id,
            reason=reason,
            before={"email": email},
            after={"email": None, "takenOverBy": owner_of[email]},
        )
