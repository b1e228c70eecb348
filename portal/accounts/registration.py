"""Registration: people who make their own account."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.users import create_user

AfterRegister = Callable[[Session, User, Mapping[str, str]], None]
after_register: list[AfterRegister] = []


def register(
    session: Session, *, name: str, email: str, password: str, consent: bool, cookies: Mapping[str, str]
) -> User:
    """Make a member of someone who asks, and let the other domains add their part in the same transaction.

    Domains append to `after_register` what takes the session, the user and the cookies of the request.

    :raises EmailTaken: there is an account with this address.
    :raises InvalidInput: email or password cannot be accepted.
    """
    user = create_user(session, email=email, name=name, password=password, consent=consent)
    for hook in after_register:
        hook(session, user, cookies)
    return user
