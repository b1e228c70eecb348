"""The settings as admins read them; no secret is returned."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portal.config import Settings

# The first setting of each group, in the order of `Settings`.
GROUPS = {
    "portal_env": "Instance",
    "programme_name": "Programme",
    "earn_status": "Earning",
    "referral_member_max_active_invites": "Referrals",
    "nudge_expiring_window_days": "Nudges",
    "session_days": "Accounts and limits",
    "email_url": "Messages",
}
SECRETS = frozenset({"secret_key", "metrics_token", "vapid_private_key", "sms_url"})
WITH_CREDENTIALS = frozenset({"database_url", "redis_url", "email_url"})
HIDDEN = "set, not shown"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its environment variable, its value and default in words, and whether they differ."""

    variable: str
    value: str
    default: str
    meaning: str
    changed: bool


def list_settings(settings: Settings) -> dict[str, list[Setting]]:
    """All settings by group; for secrets only whether they are set, addresses without credentials."""
    groups: dict[str, list[Setting]] = {}
    group = ""
    for name, field in Settings.model_fields.items():
        group = GROUPS.get(name, group)
        value, default = getattr(settings, name), field.default
        entry = Setting(
            name.upper(), _words(name, value), _words(name, default), field.description or "", value != default
        )
        groups.setdefault(group, []).append(entry)
    return groups


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    text = str(value)
    if not text:
        return ""
    if name in SECRETS:
        return HIDDEN
    return _without_credentials(text) if name in WITH_CREDENTIALS else text


def _without_credentials(address: str) -> str:
    """The address without user, password and query: a query can contain a password too."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
