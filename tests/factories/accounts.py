"""Users, their sign-ins, and the tokens of services."""

import itertools
import secrets
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.accounts.contact import normalize_email
from portal.accounts.models import ApiToken, AuthSession, NotificationPreferences, Registration, User
from portal.accounts.passwords import hash_password
from portal.accounts.tokens import hash_token
from portal.accounts.verification import make_link_token
from portal.platform import clock, ids
from portal.platform.db import db

_numbers = itertools.count(1)


def make_user(
    session: Session, *, password: str | None = None, marketing_messages: bool | None = None, **fields: Any
) -> User:
    """A user with a verified address, unless `email` or `email_verified_at` is None; a password is hashed when given,
    preferences are made when consent is given or refused."""
    number, now = next(_numbers), clock.now()
    values = {
        "id": f"user-{number}",
        "email": f"user{number}@example.com",
        "name": f"User {number}",
        "role": "member",
        "created_at": now,
        "updated_at": now,
        **fields,
    }
    values.setdefault("email_normalized", normalize_email(values["email"]) if values["email"] else None)
    values.setdefault("email_verified_at", now if values["email"] else None)
    user = User(**values, password_hash=hash_password(password) if password else None)
    session.add(user)
    session.flush()
    if marketing_messages is not None:
        session.add(
            NotificationPreferences(
                user_id=user.id, marketing_messages=marketing_messages, muted_kinds=[], updated_at=now
            )
        )
        session.flush()
    return user


def make_token(session: Session, *scopes: str, **fields: Any) -> str:
    """The secret of a new token with these scopes; `expires_at`, `revoked_at` and others override its fields."""
    secret = f"lp_{secrets.token_urlsafe(32)}"
    values = {
        "id": ids.new_id(),
        "name": f"token-{next(_numbers)}",
        "scopes": list(scopes),
        "created_at": clock.now(),
        **fields,
    }
    session.add(ApiToken(token_hash=hash_token(secret), **values))
    session.flush()
    return secret


def bearer(token: str, user_id: str | None = None) -> dict[str, str]:
    """The headers of a service, for the user it acts for when one is named."""
    return {"Authorization": f"Bearer {token}", **({"X-User-Id": user_id} if user_id else {})}


def sign_in(client: FlaskClient, user: User, **fields: Any) -> AuthSession:
    """Give the client a live session of the user, without the sign-in page; fields override the session row's."""
    now = clock.now()
    values = {
        "id": ids.new_id(),
        "user_id": user.id,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + timedelta(days=1),
        "user_agent": "tests",
        "address": "127.0.0.1",
        **fields,
    }
    row = AuthSession(**values)
    db.session.add(row)
    db.session.flush()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = ids.encode(row.id)
        cookie["_fresh"] = True
    return row


def link_mailed_to(session: Session, email: str) -> str:
    """The path of the newest link to confirm an address, as its mail has it."""
    newest = select(Registration.id).where(Registration.email == email).order_by(Registration.created_at.desc())
    return f"/register/confirm/{make_link_token(session.scalars(newest.limit(1)).one())}"


def follow_link(client: FlaskClient, session: Session, email: str, **fields: str) -> TestResponse:
    """Open the newest link that was mailed to an address, and press its button."""
    return client.post(link_mailed_to(session, email), data={"csrf_token": csrf(client), **fields})


def csrf(client: FlaskClient) -> str:
    """The CSRF token of the client's session: `csrf_token` of forms, the header `X-CSRFToken` of scripts."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", secrets.token_hex(20))
    return str(URLSafeTimedSerializer(client.application.secret_key or "", salt="wtf-csrf-token").dumps(raw))
