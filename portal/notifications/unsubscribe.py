"""Unsubscribe links: signed, without an expiry date, for a user or for the address of somebody without an account."""

from typing import Literal

from itsdangerous import BadSignature
from sqlalchemy.orm import Session

from portal.accounts import Origin, User, change_consent
from portal.notifications.suppressions import suppress_hash
from portal.platform import clock
from portal.platform.problems import NotFound
from portal.platform.settings import signer

Whom = Literal["user", "email", "sms"]
REASON = "unsubscribed"
PURPOSE = "unsubscribe"


class UnknownLink(NotFound):
    """This portal has not made the link."""

    code = "unsubscribe_link_unknown"
    title = "This link does not work"


def make_token(whom: Whom, subject: str) -> str:
    """The token for a user by id, or for an email address or phone number by the hex of its hash."""
    return str(signer(PURPOSE).dumps([whom, subject]))


def read_token(token: str) -> tuple[Whom, str]:
    """Verify a token; returns whom it is for.

    :raises UnknownLink: if this portal has not made it.
    """
    try:
        whom, subject = signer(PURPOSE).loads(token)
    except (BadSignature, ValueError) as error:
        raise UnknownLink("The link is incomplete or has been changed. Copy it whole from the message.") from error
    return whom, subject


def unsubscribe(session: Session, token: str, *, place: str = "") -> None:
    """End marketing messages for the person of the token; repeating it changes nothing.

    `place` is the network address of whoever followed the link.

    :raises UnknownLink: if this portal has not made it.
    """
    whom, subject = read_token(token)
    if whom == "user":
        if session.get(User, subject) is None:
            return
        change_consent(session, subject, False, Origin("unsubscribe_link", place))
    else:
        suppress_hash(session, whom, bytes.fromhex(subject), reason=REASON, now=clock.now())
