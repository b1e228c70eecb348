"""Users, their sign-ins and preferences, and the tokens of services."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The history of consent is never updated; when a person is erased, theirs is deleted.
CONSENT_IS_KEPT = """
    CREATE FUNCTION refuse_consent_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'consent_changes is append-only';
    END $$;
    CREATE TRIGGER consent_changes_append_only BEFORE UPDATE ON consent_changes
        FOR EACH ROW EXECUTE FUNCTION refuse_consent_change();
"""


def upgrade() -> None:
    _create_api_tokens()
    _create_login_failures()
    _create_users()
    _create_account_notices()
    _create_auth_sessions()
    _create_consent_changes()
    _create_known_devices()
    _create_notification_preferences()
    _create_registrations()
    op.execute(CONSENT_IS_KEPT)


def downgrade() -> None:
    op.drop_table("registrations")
    op.drop_table("notification_preferences")
    op.drop_table("known_devices")
    op.drop_table("consent_changes")
    op.drop_table("auth_sessions")
    op.drop_table("account_notices")
    op.drop_table("users")
    op.drop_table("login_failures")
    op.drop_table("api_tokens")
    op.execute("DROP FUNCTION refuse_consent_change()")


def _create_api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scopes <@ ARRAY['member', 'checkout', 'orders', 'admin'] AND cardinality(scopes) > 0",
            name=op.f("ck_api_tokens_scopes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_index(
        "uq_api_tokens_name", "api_tokens", ["name"], unique=True, postgresql_where=sa.text("revoked_at IS NULL")
    )


def _create_login_failures() -> None:
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failures")),
    )
    op.create_index("ix_login_failures_address", "login_failures", ["address", "at"], unique=False)
    op.create_index("ix_login_failures_at", "login_failures", [sa.literal_column("at")], unique=False)
    op.create_index("ix_login_failures_email", "login_failures", ["email", "at"], unique=False)
    op.create_index("ix_login_failures_place", "login_failures", ["email", "address", "at"], unique=False)


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_normalized", sa.String(), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone_number", sa.String(), nullable=True),
        sa.Column("push_token", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("birthday", sa.String(), nullable=True),
        sa.Column("birthday_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("role", sa.String(), server_default="member", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:@-]{1,64}$'", name=op.f("ck_users_id_form")),
        sa.CheckConstraint("role IN ('member', 'operator', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint("(email IS NULL) = (email_normalized IS NULL)", name=op.f("ck_users_email_normalized")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.CheckConstraint("email IS NOT NULL OR email_verified_at IS NULL", name=op.f("ck_users_email_verified")),
        sa.CheckConstraint(
            "birthday ~ '^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$'",
            name=op.f("ck_users_birthday_form"),
        ),
        sa.CheckConstraint("(birthday IS NULL) = (birthday_set_at IS NULL)", name=op.f("ck_users_birthday_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(
        "ix_users_birthday",
        "users",
        ["birthday", "id"],
        unique=False,
        postgresql_where=sa.text("birthday IS NOT NULL"),
    )
    op.create_index("ix_users_created_at", "users", ["created_at"], unique=False)
    op.create_index(op.f("ix_users_email_normalized"), "users", ["email_normalized"], unique=False)
    op.create_index("ix_users_staff", "users", ["email"], unique=False, postgresql_where=sa.text("role <> 'member'"))
    op.create_index(
        "ix_users_unverified",
        "users",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("email_verified_at IS NULL"),
    )
    op.create_index(
        "ix_users_words",
        "users",
        [
            sa.literal_column(
                "array_to_tsvector(array_remove(regexp_split_to_array(lower(\"left\"(name, 200)), '[^[:alnum:]]+'), '') || array_remove(ARRAY[lower(id), lower(email)], NULL))"
            )
        ],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("uq_users_email", "users", ["email"], unique=True)


def _create_account_notices() -> None:
    op.create_table(
        "account_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("browser", sa.String(), server_default="", nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "notice IN ('password_set', 'email_changed', 'new_device', 'sign_in_attempts')",
            name=op.f("ck_account_notices_notice"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_account_notices_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notices")),
    )
    op.create_index(op.f("ix_account_notices_at"), "account_notices", ["at"], unique=False)
    op.create_index("ix_account_notices_user_id", "account_notices", ["user_id", "at"], unique=False)


def _create_auth_sessions() -> None:
    op.create_table(
        "auth_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_auth_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_sessions")),
    )
    op.create_index(op.f("ix_auth_sessions_expires_at"), "auth_sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_auth_sessions_user_id"), "auth_sessions", ["user_id"], unique=False)


def _create_consent_changes() -> None:
    op.create_table(
        "consent_changes",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), server_default="marketing", nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source IN ('member_preferences', 'unsubscribe_link', 'registration', 'shop', 'import', 'operator')",
            name=op.f("ck_consent_changes_source"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_consent_changes_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_changes")),
    )
    op.create_index("ix_consent_changes_user_id", "consent_changes", ["user_id", "id"], unique=False)


def _create_known_devices() -> None:
    op.create_table(
        "known_devices",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("device_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_known_devices_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "device_hash", name=op.f("pk_known_devices")),
    )
    op.create_index(op.f("ix_known_devices_last_used_at"), "known_devices", ["last_used_at"], unique=False)


def _create_notification_preferences() -> None:
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("marketing_messages", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("sms", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("push", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("muted_kinds", postgresql.ARRAY(sa.TEXT()), server_default="{}", nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_notification_preferences_quiet_hours")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notification_preferences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notification_preferences")),
    )


def _create_registrations() -> None:
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("remembered", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("next_page", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_registrations_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
    )
    op.create_index("ix_registrations_caller", "registrations", ["caller", "created_at"], unique=False)
    op.create_index(op.f("ix_registrations_created_at"), "registrations", ["created_at"], unique=False)
    op.create_index("ix_registrations_email", "registrations", ["email", "created_at"], unique=False)
    op.create_index(op.f("ix_registrations_user_id"), "registrations", ["user_id"], unique=False)
