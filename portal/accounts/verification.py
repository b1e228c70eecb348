"""Verified addresses: links that show that an address is its holder's, and what takes effect then."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from itsdangerous import BadSignature
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from portal.accounts.models import Registration, User
from portal.accounts.passwords import check_password, hash_password
from portal.accounts.preferences import Origin, change_consent, forget_choices
from portal.accounts.sessions import end_sessions_of, forget_devices_of
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.settings import listeners, signer

PURPOSE = "verify-address"
# Event: a user's address has been verified. Listeners are called with the session, the user, what the domains noted at
# their registration (`registration.read_notes`), and when that was.
AFTER_VERIFICATION = "after_verification"
# Event: users' present addresses have become verified, whichever way. Listeners are called with the session and pairs
# of user id and address: one pair, or all of a file of members. They come before other listeners.
ADDRESSES_VERIFIED = "addresses_verified"
# Event: somebody has joined: they registered, and their address is verified now, or the shop has told of somebody new.
# Not so users of files, and those that operators make. Listeners are called with the session and the user.
JOINED = "joined"


@dataclass(frozen=True, slots=True)
class Opener:
    """The browser that opens a link: which registration was made in it, and who is signed in."""

    registration_id: UUID | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works. `own` is the registration that was made in the browser that opened it. `known`: there is one,
    or the user is signed in there; otherwise the account's password may be a stranger's."""

    registration: Registration
    user: User
    own: Registration | None
    known: bool


def make_link_token(registration_id: UUID) -> str:
    """The token of a registration's link. It works once; the registration's row says until when."""
    return str(signer(PURPOSE).dumps(ids.encode(registration_id)))


def find_registration(session: Session, token: str) -> Registration | None:
    """The registration of a link that this portal has made, usable or not."""
    try:
        registration_id = ids.parse(signer(PURPOSE).loads(token))
    except BadSignature:
        return None
    if registration_id is None:
        return None
    return session.get(Registration, registration_id, populate_existing=True)


def find_link(session: Session, token: str, opener: Opener, *, lock: bool = False) -> Link | None:
    """A link that still works; None if it was used, is too old, or its address was verified or taken over since.

    A link of a disabled user or of staff does not work either. With `lock` the user is locked, and the registration is
    read again: of several links opened at once, only one is used. Code that changes registrations holds it first.
    """
    registration = find_registration(session, token)
    if registration is None:
        return None
    user = session.get_one(User, registration.user_id, with_for_update=lock or None, populate_existing=True)
    if lock:
        registration = find_registration(session, token)
    if registration is None or registration.used_at is not None or registration.expires_at <= clock.now():
        return None
    if user.email != registration.email or user.email_verified_at is not None:
        return None
    if user.disabled_at is not None or user.role != "member":
        return None
    own = _find_own(session, user, opener)
    return Link(registration, user, own, own is not None or opener.user_id == user.id)


def confirm(
    session: Session, token: str, opener: Opener, password: str = "", consent: Origin | None = None
) -> Link | None:
    """Verify the address of a link's user, who may then be signed in; None if the link does not work (any more).

    Several people may have registered an address, and only one reads its mail. So the browser that opens the link
    decides: the choices made in it hold, or those of the user signed in there. In any other browser, `password` becomes
    the account's (empty: none until a reset link sets one), and `consent` is what was ticked there. All sign-ins end.
    What anybody else who could sign in to the account has set in it is dropped.

    The password is hashed before any row is locked, so that nobody waits for that.

    :raises InvalidInput: if the password cannot be accepted.
    """
    seen = find_link(session, token, opener)
    if seen is None:
        return None
    hashed = None if seen.known else _checked_hash(password, seen.user)
    link = find_link(session, token, opener, lock=True)
    if link is None:
        return None
    user, chosen, first = link.user, link.own or link.registration, get_first_registration(session, link.user.id)
    if link.own is not None:
        user.password_hash, user.name = link.own.password_hash, link.own.name
    elif link.known:
        chosen = first or chosen
    else:
        user.password_hash, user.name = hashed, chosen.name
    if link.known:
        consent = Origin("registration", chosen.caller) if chosen.consent else None
    link.registration.used_at = clock.now()
    end_sessions_of(session, user.id)
    if opener.user_id != user.id and link.own is not first:
        forget_choices(session, user)
        forget_devices_of(session, user.id)
    mark_verified(session, user, chosen)
    if consent is not None:
        change_consent(session, user.id, True, consent)
    return link


def mark_verified(session: Session, user: User, registration: Registration | None) -> None:
    """Mark a user's address as verified, which happens once to those who register, and tell other domains.

    They get the notes of this registration, if it is one of this address.
    The caller holds the user's row lock. The passwords of registrations are deleted. The caller decides about consent:
    whoever ticked it at a registration need not be the owner of the address.
    """
    user.email_verified_at = user.updated_at = clock.now()
    session.execute(update(Registration).where(Registration.user_id == user.id).values(password_hash=None))
    session.flush()
    if user.email is not None:
        tell_verified(session, [(user.id, user.email)])
    if registration is not None and registration.email == user.email:
        for listener in listeners(AFTER_VERIFICATION):
            listener(session, user, registration.remembered, registration.created_at)
    tell_joined(session, user)


def tell_verified(session: Session, addresses: Sequence[tuple[str, str]]) -> None:
    """Tell other domains that these addresses, each with its user's id before it, are verified now."""
    for listener in listeners(ADDRESSES_VERIFIED) if addresses else ():
        listener(session, addresses)


def tell_joined(session: Session, user: User) -> None:
    """Tell other domains that somebody has joined."""
    for listener in listeners(JOINED):
        listener(session, user)


def vouch(session: Session, user: User) -> None:
    """Verify a user's address because the caller vouches for this very account (CONTRACT-SHOP 9.1).

    Consent that was ticked when the account registered this address takes effect. The caller holds the user's row lock.
    """
    first = get_first_registration(session, user.id)
    mark_verified(session, user, first)
    if first is not None and first.consent and first.email == user.email:
        change_consent(session, user.id, True, Origin("registration", first.caller))


def get_first_registration(session: Session, user_id: str) -> Registration | None:
    """The registration that created a user; None if the shop or an operator did."""
    mine = select(Registration).where(Registration.user_id == user_id)
    return session.scalar(mine.order_by(Registration.created_at, Registration.id).limit(1))


def _find_own(session: Session, user: User, opener: Opener) -> Registration | None:
    """The registration that was made in the opener's browser, if it is one of this user's address."""
    if opener.registration_id is None:
        return None
    own = session.get(Registration, opener.registration_id, populate_existing=True)
    return own if own and own.user_id == user.id and own.email == user.email and own.password_hash else None


def _checked_hash(password: str, user: User) -> str | None:
    if not password:
        return None
    check_password(password, user.email or "")
    return hash_password(password)


# Under the row lock: a holder who verifies the address at this moment keeps it.
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
    release_addresses(session, [(email, to)], Act(actor, clock.now()))


def release_addresses(session: Session, given: Sequence[tuple[str, str]], act: Act) -> None:
    """As `release_address`, for many addresses, each with the id of the user who gets it; written to the audit log."""
    emails, owners = [email for email, _ in given], [owner for _, owner in given]
    held = session.execute(_RELEASE, {"emails": emails, "owners": owners, "now": act.now}).all()
    owner_of = dict(given)
    for user_id, email in held:
        end_sessions_of(session, user_id)
        audit.record(
            session,
            act,
            action="user.address_taken_over",
            object_type="user",
            object_id=user_id,
            before={"email": email},
            after={"email": None, "takenOverBy": owner_of[email]},
        )
