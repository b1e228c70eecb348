"""Staff, tokens and sign-ins as the console of access lists them."""

from portal.accounts.models import ROLES, SCOPES
from portal.accounts.search import list_named
from portal.platform.console.tables import Column, Filter, Table


def people_filter(name: str, label: str, column: str) -> Filter:
    """A filter for the rows of a person, who is searched for as a member is. `column` has user ids."""
    return Filter(
        name,
        label,
        f"{column} = ANY(CAST(:{name}_ids AS text[]))",
        values=lambda wanted: {f"{name}_ids": list_named(wanted)},
        hint="Name, address or id",
    )


STAFF = Table(
    name="staff",
    source="users u",
    where="u.role <> 'member'",
    key="u.id",
    key_type="text",
    order="email",
    columns=(
        Column("user_id", "User", "u.id", "member"),
        Column("email", "Email", "u.email", sorts="text"),
        Column("name", "Name", "u.name"),
        Column("role", "Role", "u.role", "status", sorts="text"),
        Column("state", "Sign-in", "CASE WHEN u.disabled_at IS NULL THEN 'active' ELSE 'disabled' END", "status"),
        Column("has_password", "Password set", "u.password_hash IS NOT NULL", "flag"),
        Column("created_at", "Since", "u.created_at", "moment", sorts="timestamptz"),
    ),
    filters=(
        Filter("role", "Role", "u.role = :role", tuple((role, role.capitalize()) for role in ROLES[1:])),
        Filter(
            "email",
            "Name or address",
            "strpos(u.email, lower(:email)) > 0 OR strpos(lower(u.name), lower(:email)) > 0",
        ),
    ),
)

_LIFE = """
    CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= CAST(:now AS timestamptz) THEN 'expired'
         ELSE 'active' END
"""
TOKENS = Table(
    name="tokens",
    source="api_tokens t",
    key="t.id",
    key_type="uuid",
    order="-created_at",
    columns=(
        Column("id", "Id", "t.id", "ulid", shown=False),
        Column("token_name", "Name", "t.name"),
        Column("scopes", "Scopes", "array_to_string(t.scopes, ' ')"),
        Column("state", "State", _LIFE, "status"),
        Column("created_at", "Made", "t.created_at", "moment", sorts="timestamptz"),
        Column("created_by", "Made by", "t.created_by", "code"),
        Column("last_used_at", "Last used", "t.last_used_at", "moment"),
        Column("expires_at", "Expires", "t.expires_at", "moment"),
        Column("revoked_at", "Revoked", "t.revoked_at", "moment"),
    ),
    filters=(
        Filter(
            "state",
            "State",
            f"{_LIFE} = :state",
            tuple((s, s.capitalize()) for s in ("active", "expired", "revoked")),
        ),
        Filter("scope", "Scope", ":scope = ANY(t.scopes)", tuple((scope, scope) for scope in SCOPES)),
    ),
)

SIGN_INS = Table(
    name="sign-ins",
    source="users u JOIN auth_sessions s ON s.user_id = u.id",
    where="u.role <> 'member' AND s.revoked_at IS NULL AND s.expires_at > CAST(:now AS timestamptz)",
    key="s.id",
    key_type="uuid",
    order="-last_seen_at",
    columns=(
        Column("id", "Id", "s.id", "ulid", shown=False, exported=False),
        Column("user_id", "User", "u.id", "member"),
        Column("email", "Email", "u.email", sorts="text"),
        Column("role", "Role", "u.role", "status"),
        Column("created_at", "Signed in", "s.created_at", "moment", sorts="timestamptz"),
        Column("last_seen_at", "Last seen", "s.last_seen_at", "moment", sorts="timestamptz"),
        Column("expires_at", "Ends", "s.expires_at", "moment"),
        Column("address", "Address", "s.address", "code"),
        Column("user_agent", "Browser", "s.user_agent"),
    ),
    filters=(people_filter("user", "Who", "u.id"),),
)
