"""Create and change many users at once, for files of members; an SQL statement of the caller selects their profiles.

It returns the columns `user_id`, `email`, `email_normalized`, `name`, `phone_number`, `timezone`, `locale`, `birthday`
and `marketing_messages`, in which null keeps the user's value, and `is_new`.
"""

from typing import Any, NamedTuple

from sqlalchemy import Result, text
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.notices import tell_of_new_addresses
from portal.accounts.preferences import CHANGE_MANY, OWN_WITHDRAWAL
from portal.accounts.verification import release_addresses, tell_verified, vouch
from portal.platform.audit import Act
from portal.platform.db.reads import Values

BATCH = 2_000

# NO KEY, so that a sign-in, which only references a user, does not wait for a whole file.
_LOCK = """
    SELECT id FROM users WHERE id IN (
        SELECT user_id FROM ({profiles}) p UNION SELECT h.id FROM users h JOIN ({profiles}) p ON h.email = p.email)
    ORDER BY id FOR NO KEY UPDATE
"""
_HELD = """
    SELECT p.email, p.user_id FROM ({profiles}) p JOIN users h ON h.email = p.email
    WHERE h.id <> p.user_id AND h.email_verified_at IS NULL ORDER BY h.id
"""
_UNVERIFIED = """
    SELECT u.id FROM users u JOIN ({profiles}) p ON p.user_id = u.id
    WHERE NOT p.is_new AND p.email IS NOT NULL AND u.email_verified_at IS NULL ORDER BY u.id
"""
_MOVED = """
    SELECT u.id, u.email FROM users u JOIN ({profiles}) p ON p.user_id = u.id
    WHERE NOT p.is_new AND p.email <> u.email AND u.email_verified_at IS NOT NULL
"""
# Addresses that this file verifies: of new users, and of those who get another one. The others are vouched for.
_VERIFIED = """
    SELECT u.id, u.email FROM users u JOIN ({profiles}) p ON p.user_id = u.id
    WHERE p.is_new OR u.id = ANY(:moved)
"""
_MAKE = """
    INSERT INTO users (id, email, email_normalized, email_verified_at, name, phone_number, timezone, locale, birthday,
                       birthday_set_at, created_at, updated_at)
    SELECT user_id, email, email_normalized, :now, name, phone_number, timezone, locale, birthday,
           CASE WHEN birthday IS NOT NULL THEN :now END, :now, :now
    FROM ({profiles}) p WHERE is_new
"""
_CHANGE = """
    UPDATE users u SET email = coalesce(p.email, u.email),
        email_normalized = coalesce(p.email_normalized, u.email_normalized), name = coalesce(p.name, u.name),
        email_verified_at = CASE WHEN p.email <> u.email THEN :now ELSE u.email_verified_at END,
        phone_number = coalesce(p.phone_number, u.phone_number), timezone = coalesce(p.timezone, u.timezone),
        locale = coalesce(p.locale, u.locale), birthday = coalesce(p.birthday, u.birthday),
        birthday_set_at = CASE WHEN p.birthday IS NULL OR p.birthday = u.birthday THEN u.birthday_set_at ELSE :now END,
        updated_at = :now
    FROM ({profiles}) p
    WHERE NOT p.is_new AND u.id = p.user_id
      AND (coalesce(p.email, u.email), coalesce(p.name, u.name), coalesce(p.phone_number, u.phone_number),
           coalesce(p.timezone, u.timezone), coalesce(p.locale, u.locale), coalesce(p.birthday, u.birthday))
          IS DISTINCT FROM (u.email, u.name, u.phone_number, u.timezone, u.locale, u.birthday)
"""
# Consent that a member withdrew themselves is not given again by others (CONTRACT-SHOP 9.1).
_CONSENT = f"""
    INSERT INTO notification_preferences AS n (user_id, marketing_messages, updated_at)
    SELECT user_id, coalesce(marketing_messages, false), :now FROM ({{profiles}}) p
    WHERE is_new OR marketing_messages IS NOT NULL
    ON CONFLICT (user_id) DO UPDATE SET marketing_messages = excluded.marketing_messages, updated_at = :now
        WHERE n.marketing_messages <> excluded.marketing_messages
          AND NOT (excluded.marketing_messages AND {OWN_WITHDRAWAL.format(who="n.user_id")})
    RETURNING user_id, marketing_messages, xmax = 0 AS made
"""


class _Consent(NamedTuple):
    """A user's consent as it is stored now; for a new row (`is_made`), no consent is no change."""

    user_id: str
    given: bool
    is_made: bool


def lock_profiles(session: Session, profiles: str, values: Values) -> None:
    """Lock the users of these profiles, and those who hold their addresses, in the order of their ids."""
    session.execute(text(_LOCK.format(profiles=profiles)), values)


def put_profiles(session: Session, profiles: str, values: Values, act: Act, *, source: str) -> None:
    """Create and change users from these profiles, under the locks of `lock_profiles`.

    The caller vouches for the addresses: those that others hold unverified are taken over, and all become verified.
    Owners are told of a new address. Each change of consent is recorded in the history, with this `source`.
    """
    values = {**values, "now": act.now}

    def run(statement: str) -> Result[Any]:
        return session.execute(text(statement.format(profiles=profiles)), values)

    moved = [(row.id, row.email) for row in run(_MOVED)]
    held = [(row.email, row.user_id) for row in run(_HELD)]
    if held:
        release_addresses(session, held, act)
    unverified = run(_UNVERIFIED).scalars().all()
    run(_MAKE)
    run(_CHANGE)
    for user_id in unverified:
        vouch(session, session.get_one(User, user_id, populate_existing=True))
    values["moved"] = [user_id for user_id, _ in moved]
    tell_verified(session, [(row.id, row.email) for row in run(_VERIFIED)])
    changed = list(map(_Consent._make, run(_CONSENT)))
    _note_consent(session, [row for row in changed if row.given or not row.is_made], act, source)
    for start in range(0, len(moved), BATCH):
        tell_of_new_addresses(session, dict(moved[start : start + BATCH]))


def _note_consent(session: Session, changed: list[_Consent], act: Act, source: str) -> None:
    """Add a row to the history for each change."""
    if changed:
        origin = {"source": source, "place": act.actor, "now": act.now}
        user_ids, given = [row.user_id for row in changed], [row.given for row in changed]
        session.execute(CHANGE_MANY, {**origin, "user_ids": user_ids, "given": given})
