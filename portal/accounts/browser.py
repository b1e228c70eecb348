"""The browser's side of a sign-in: the cookie that names it."""

from flask import current_app, request, session
from flask_login import current_user, login_user, logout_user
from sqlalchemy.orm import Session

from portal.accounts import sessions
from portal.accounts.models import User

KEPT = ("csrf_token", "_flashes")


def sign_in(database: Session, user: User) -> None:
    """Sign this browser in as a user, with nothing of its earlier session but the form token."""
    sign_out(database)
    signed_in = sessions.open_session(
        database, user, days=current_app.config["SETTINGS"].session_days,
        user_agent=request.user_agent.string, address=request.remote_addr or "",
    )  # fmt: skip
    session.permanent = True
    login_user(signed_in)


def sign_out(database: Session) -> None:
    """End this browser's sign-in, when it has one."""
    if current_user.is_authenticated:
        sessions.end_session(database, current_user.session_id)
    kept = {name: session[name] for name in KEPT if name in session}
    logout_user()
    session.clear()
    session.update(kept)
