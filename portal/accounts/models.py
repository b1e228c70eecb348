"""Users, their sign-ins and preferences, and the tokens of services."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document

ROLES = ("member", "operator", "admin")
SCOPES = ("member", "checkout", "orders", "admin")
NOTICES = ("password_set", "email_changed", "new_device", "sign_in_attempts")
# How consent was given or withdrawn. OWN_SOURCES are the member's own ways; `change_consent` protects such withdrawals.
OWN_SOURCES = ("member_preferences", "unsubscribe_link")
SOURCES = (*OWN_SOURCES, "registration", "shop", "import", "operator")
USER_ID_PATTERN = r"^[A-Za-z0-9._:@-]{1,64}$"
# `MM-DD`: the days of a leap year.
BIRTHDAY_PATTERN = (
    r"^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
)
# What the search for users looks in, by prefix: the words of the name, the id and the address.
SEARCH_WORDS = (
    "array_to_tsvector(array_remove(regexp_split_to_array(lower(\"left\"(name, 200)), '[^[:alnum:]]+'), '') "
    "|| array_remove(ARRAY[lower(id), lower(email)], NULL))"
)


class User(Base):
    """A person: a member of the programme, an operator or an admin. The only table with their personal data.

    `email_verified_at` is when a mailed link, or somebody who vouches, showed that the address is theirs. A user who
    holds an address unverified loses it to its owner, and then has none (CONTRACT-SHOP 9.1). `birthday` is `MM-DD`, the
    year is not asked; `birthday_set_at` is when its present value was entered (CONTRACT-EARNING 8.3).
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    email_normalized: Mapped[str | None] = mapped_column(index=True)
    email_verified_at: Mapped[datetime | None]
    name: Mapped[str]
    phone_number: Mapped[str | None]
    push_token: Mapped[str | None]
    timezone: Mapped[str | None]
    locale: Mapped[str | None]
    birthday: Mapped[str | None]
    birthday_set_at: Mapped[datetime | None]
    password_hash: Mapped[str | None]
    role: Mapped[str] = mapped_column(server_default="member")
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"id ~ '{USER_ID_PATTERN}'", name="id_form"),
        CheckConstraint(f"role IN {ROLES}", name="role"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("(email IS NULL) = (email_normalized IS NULL)", name="email_normalized"),
        CheckConstraint("email IS NOT NULL OR email_verified_at IS NULL", name="email_verified"),
        CheckConstraint(f"birthday ~ '{BIRTHDAY_PATTERN}'", name="birthday_form"),
        CheckConstraint("(birthday IS NULL) = (birthday_set_at IS NULL)", name="birthday_set"),
        Index("uq_users_email", "email", unique=True),
        Index("ix_users_birthday", "birthday", "id", postgresql_where=text("birthday IS NOT NULL")),
        Index("ix_users_created_at", "created_at"),
        Index("ix_users_words", text(SEARCH_WORDS), postgresql_using="gin"),
        Index("ix_users_staff", "email", postgresql_where=text("role <> 'member'")),
        Index("ix_users_unverified", "created_at", postgresql_where=text("email_verified_at IS NULL")),
    )


class Registration(Base):
    """One attempt to register an address, or a further link asked for (`again`); its link is signed and works once.

    An address may be registered by several people before its owner opens a link, each with a password, consent and
    whatever else they brought along (`remembered`); none of it takes effect until then.
    """

    __tablename__ = "registrations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    consent: Mapped[bool]
    again: Mapped[bool]
    remembered: Mapped[Document]
    next_page: Mapped[str]
    caller: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_registrations_email", "email", "created_at"),
        Index("ix_registrations_caller", "caller", "created_at"),
    )


class ConsentChange(Base):
    """Consent to marketing messages that was given or withdrawn: when, how and where. Rows are only added.

    `source` is one of `SOURCES`; `word` is the shop's own name for where it was given, `place` the network address of a
    person or the name of a token, `granted_at` when the shop says that it was given.
    """

    __tablename__ = "consent_changes"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(server_default="marketing")
    given: Mapped[bool]
    source: Mapped[str]
    word: Mapped[str | None]
    place: Mapped[str]
    granted_at: Mapped[datetime | None]
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"source IN {SOURCES}", name="source"),
        Index("ix_consent_changes_user_id", "user_id", "id"),
    )


class NotificationPreferences(Base):
    """What a user lets us send; `marketing_messages` takes precedence over channels and kinds."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    marketing_messages: Mapped[bool]
    email: Mapped[bool] = mapped_column(server_default="true")
    sms: Mapped[bool] = mapped_column(server_default="true")
    push: Mapped[bool] = mapped_column(server_default="true")
    muted_kinds: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    updated_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_hours"),)


class AuthSession(Base):
    """One signed-in browser; the cookie carries its id, so ending the row ends the session."""

    __tablename__ = "auth_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str]
    address: Mapped[str]


class ApiToken(Base):
    """A service's bearer token, kept as a SHA-256 of its 256 random bits."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(server_default="")
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_api_tokens_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
        CheckConstraint(f"scopes <@ ARRAY{list(SCOPES)} AND cardinality(scopes) > 0", name="scopes"),
    )


class KnownDevice(Base):
    """A browser that a user has signed in with; its cookie holds a secret, of which this is the SHA-256."""

    __tablename__ = "known_devices"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    device_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(index=True)


class AccountNotice(Base):
    """Something that the owner of an account is told by mail; `email` is the recipient, None: the account's address."""

    __tablename__ = "account_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    notice: Mapped[str]
    email: Mapped[str | None]
    browser: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (
        CheckConstraint(f"notice IN {NOTICES}", name="notice"),
        Index("ix_account_notices_user_id", "user_id", "at"),
    )


class LoginFailure(Base):
    """A failed sign-in. `address` is where it came from: a network address, or a device known to the account."""

    __tablename__ = "login_failures"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    email: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_login_failures_email", "email", "at"),
        Index("ix_login_failures_place", "email", "address", "at"),
        Index("ix_login_failures_address", "address", "at"),
        Index("ix_login_failures_at", text("at")),
    )
