"""Settings: one typed class, read from the environment, that refuses invalid values at start."""

import json
import os
import re
import zlib
from collections.abc import Mapping
from datetime import time
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.platform.misspelt import find_misspelt

_HOST = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){3}|(\*\.)?([a-z0-9-]+\.)+[a-z][a-z0-9-]*")
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_SPAN = re.compile(rf"({_CLOCK})-({_CLOCK})", re.ASCII)
# In bytes. 32 random characters, even digits alone, never compress to fewer than 33.
_LEAST_COMPRESSED = 31
_OrderStatus = Literal["placed", "paid", "fulfilled"]


class SettingsError(Exception):
    """A setting is misspelt, invalid or missing; the message names it."""


def _timezone(zone: object) -> ZoneInfo:
    name = str(zone)
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone")
    return ZoneInfo(name)


def _locale(name: str) -> str:
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{name!r} is not a known locale") from error
    return name


def _countries(names: str) -> str:
    chosen = names.upper().replace(",", " ").split()
    if unknown := [name for name in chosen if name not in phonenumbers.SUPPORTED_REGIONS]:
        raise ValueError(f"{unknown[0]!r} is no country code such as DE")
    return " ".join(chosen)


def _looks_random(secret: str) -> bool:
    """Whether a secret has at least eight different characters, and compresses less than a repeated word does."""
    return len(set(secret)) >= 8 and len(zlib.compress(secret.encode(), 9)) >= _LEAST_COMPRESSED


class Settings(BaseSettings):
    """Every setting of the portal. The environment variable is the field's name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False, validate_default=True)

    # Instance
    portal_env: Literal["development", "production"] = Field(
        "development", description="`production` demands a SECRET_KEY and marks cookies `__Host-` and Secure."
    )
    data_dir: Path = Field(Path("instance"), description="Folder of the embedded services and the instance file.")
    database_url: str = Field("", description="PostgreSQL 16+; empty: the embedded server of DATA_DIR.")
    redis_url: str = Field("", description="Redis 6.2+; empty: the embedded server of DATA_DIR.")
    secret_key: str = Field(
        "", description="Signs cookies, cursors and links; at least 32 characters, in production random ones."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port of the web server.")
    public_url: str = Field("", description="Base of links in messages; default `http://HOST:PORT`.")
    web_workers: int = Field(2, ge=1, le=64, description="Web processes.")
    web_threads: int = Field(8, ge=1, le=256, description="Threads of each web process.")
    workers: int = Field(2, ge=1, le=64, description="Job workers.")
    database_pool_size: int = Field(8, ge=1, le=200, description="Connections kept by each process.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe log level.")
    demo: bool = Field(True, description="`0` starts without demo data.")
    metrics_token: str = Field("", description="Bearer token for `/metrics` from a public address.")
    trusted_proxies: int = Field(0, ge=0, le=5, description="Reverse proxies whose X-Forwarded-* is believed.")

    ignored_variables: str = Field(
        "", description="Other programs' variables that look like a misspelt setting; `*` stands for anything."
    )

    # Programme
    programme_name: str = Field("Acme Rewards", min_length=1, max_length=60, description="Shown on pages and messages.")
    programme_colour: str = Field(
        "#5b3df5",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Brand colour, `#rrggbb`; text on it is computed.",
    )
    programme_logo_url: str = Field("", description="Path or URL of the logo; empty: the name's initial.")
    programme_support_email: str = Field("", description="Shown where a member may need help.")
    programme_timezone: Annotated[ZoneInfo, BeforeValidator(_timezone)] = Field(
        ZoneInfo("UTC"), description="Ends days, weeks and computed expiries."
    )
    programme_locale: Annotated[str, AfterValidator(_locale)] = Field(
        "en", description="How numbers, days and months are written, where its language is that of the texts (English)."
    )
    programme_currency: str = Field(
        "EUR",
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code of the money that points stand for in the consoles, and that rules count in.",
    )
    points_per_currency_unit: int = Field(
        100, ge=1, le=1_000_000, description="Points that are worth one unit of that money."
    )
    points_expire_after_months: int = Field(
        12, ge=0, le=120, description="Life of earned points without an explicit date; 0: they never expire."
    )
    redemption_hold_ttl_hours: int = Field(720, ge=1, le=8760, description="Age at which an open hold is cancelled.")
    checkout_intent_ttl_hours: int = Field(
        72, ge=1, le=8760, description="Life of a checkout's reminder that does not say `ttlHours`."
    )
    streak_bonus_points: int = Field(25, ge=0, le=1_000_000, description="Paid once per qualifying week; 0: none.")
    loyalty_progression_minutes: int = Field(
        15, ge=1, le=1440, description="Minutes between two runs of `loyalty_progression`; must divide a day."
    )

    # Earning
    earn_status: _OrderStatus = Field(
        "paid", description="From when on an order earns: `placed`, `paid` or `fulfilled`."
    )
    earn_on_tax: bool = Field(False, description="`1`: the tax of a line earns too.")
    earn_on_shipping: bool = Field(False, description="`1`: shipping earns too.")
    earn_on_points_part: bool = Field(False, description="`1`: the part that was paid with points earns too.")
    earn_on_gift_card_part: bool = Field(True, description="`0`: the part that was paid by gift card does not earn.")
    pending_days: int = Field(
        0, ge=0, le=3650, description="Days for which an order's points are pending, unless the rule says; 0: none."
    )
    pending_from: _OrderStatus = Field(
        "paid", description="When these days begin: when the order was `placed`, `paid` or `fulfilled`."
    )
    pending_max_days: int = Field(
        60, ge=1, le=3650, description="Days after `placed` at which `PENDING_FROM=fulfilled` no longer waits."
    )
    order_claim_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days in which a user who verifies the address of an order that was nobody's gets it; 0: never.",
    )
    refund_shortfall: Literal["owe", "available", "order_only"] = Field(
        "owe",
        description="What a refund takes back of points already used: `owe` keeps what is missing as owed, `available` "
        "writes it off, `order_only` takes nothing but what is left of the order's own points.",
    )
    restore_grace_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days that points have at least when they are given back because what they paid for was refunded.",
    )
    owed_write_off_months: int = Field(
        12, ge=0, le=120, description="Months after which points that a member owes are written off; 0: never."
    )
    tier_unearn_days: int = Field(
        60,
        ge=0,
        le=3650,
        description="Days after a tier was reached in which it is taken back at the end of a day on which what had "
        "opened it was refunded or reversed; 0: never.",
    )

    # Referrals
    referral_member_max_active_invites: int = Field(10, ge=1, le=10_000, description="Open invites per member.")
    referral_member_invite_cooldown_seconds: int = Field(
        60, ge=0, le=86_400, description="Pause between two invites of a member."
    )
    referral_bonus_points: int = Field(
        500, ge=0, le=1_000_000, description="Credited to who invited, once the friend is completed; 0: none."
    )
    referral_welcome_points: int = Field(100, ge=0, le=1_000_000, description="Credited to the friend; 0: none.")
    referral_invite_days: int = Field(
        90, ge=1, le=3650, description="Life of an invite; a friend's registration renews it."
    )
    referral_attribution_days: int = Field(
        30, ge=1, le=365, description="Days a visit to `/r/CODE` is remembered; the first one wins."
    )
    referral_convert_by_order: bool = Field(
        True, description="A paid order converts the referral whose code it names, or whose invite its member came by."
    )
    referral_holding_days: int = Field(
        0, ge=0, le=365, description="Days between completion and credit; meanwhile the credit shows as pending."
    )
    referral_minimum_order: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Least `orderAmount` (the currency's smallest unit) that completes a referral; 0: any.",
    )
    referral_clawback_days: int = Field(
        60,
        ge=0,
        le=3650,
        description="Days after a conversion in which both sides' points are taken back when its order falls below "
        "`REFERRAL_MINIMUM_ORDER` or to nothing; 0: never.",
    )
    referral_convert_at_registration: bool = Field(
        False,
        description="`1` completes a referral when the friend has registered and confirmed their address, "
        "without an order; needs a holding period.",
    )
    referral_daily_conversions: int = Field(
        5, ge=1, le=10_000, description="Friends of a member in 24 hours whom registering alone completes; others wait."
    )
    referral_new_customers_only: bool = Field(
        True, description="`0` lets friends who ordered before be completed, with a signal."
    )
    referral_circles: bool = Field(
        False, description="`1` lets members bring each other, in any circle, with a signal."
    )
    invite_recipient_max: int = Field(
        3, ge=1, le=100, description="Invites that one address or number is sent, by all members together."
    )
    invite_recipient_days: int = Field(
        30, ge=1, le=365, description="Days in which it is sent no more; by one member, one in these days."
    )
    invite_daily_cap: int = Field(
        1000, ge=1, le=1_000_000, description="Invites by email and SMS in 24 hours, over all members."
    )
    invite_sms_countries: Annotated[str, AfterValidator(_countries)] = Field(
        "", description="Countries that invites go to by SMS, as `DE AT CH`; empty: none."
    )

    # Nudges
    nudge_expiring_window_days: int = Field(
        14, ge=1, le=365, description="Days before points expire in which a member is reminded of them."
    )
    nudge_stalled_after_hours: int = Field(
        72, ge=1, le=8760, description="Age at which a request that waits for the shop is brought up."
    )
    nudge_daily_cap: int = Field(
        2, ge=0, le=100, description="Nudges sent to a member in one of their days, over all campaigns; 0: none."
    )
    nudge_quiet_hours: str = Field(
        "21:00-08:00",
        description="When no marketing message leaves, in the time zone of a member who has not chosen; empty: none.",
    )

    # Accounts and limits
    session_days: int = Field(30, ge=1, le=365, description="Days a sign-in lasts.")
    login_max_failures: int = Field(
        10, ge=1, le=1000, description="Wrong passwords for an account from which on their address waits, 1 to 30 s."
    )
    login_max_accounts: int = Field(
        100, ge=2, le=1000, description="Accounts with wrong passwords from one address at which it is held up."
    )
    login_failure_window_seconds: int = Field(
        900, ge=1, le=86_400, description="Seconds for which wrong passwords count."
    )
    password_reset_minutes: int = Field(60, ge=5, le=1440, description="Life of a password reset link.")
    reset_mails_per_day: int = Field(5, ge=1, le=100, description="Reset links mailed to a user in a day.")
    verification_link_hours: int = Field(48, ge=1, le=720, description="Life of a link to confirm an address.")
    verification_mails_per_day: int = Field(
        5, ge=1, le=100, description="Mails that registrations send to one email address in a day."
    )
    registrations_per_caller_per_day: int = Field(
        200, ge=1, le=100_000, description="Registrations from one network address in a day."
    )
    unverified_account_days: int = Field(
        30, ge=1, le=3650, description="Age at which an account that was never confirmed nor used is deleted."
    )
    rate_limit_reads: str = Field("1200/minute", description="Reads per principal and process.")
    rate_limit_writes: str = Field("600/minute", description="Writes per principal.")
    rate_limit_sign_in: str = Field("30/minute", description="Register and reset attempts per address.")

    import_max_rows: int = Field(
        100_000, ge=1, le=1_000_000, description="Rows that a file of members to import may have."
    )

    # Messages
    email_url: str = Field(
        "", description="`smtp://user:password@host:port` (by STARTTLS) or `smtps://`; empty: the preview inbox."
    )
    email_from: str = Field("rewards@localhost", min_length=3, description="Sender of emails.")
    sms_url: str = Field("", description="Apprise URL with `{phone}`; empty: the preview inbox.")
    vapid_private_key: str = Field(
        "", description="Web Push key, base64url; empty: the preview inbox. `flask --app wsgi vapid` makes one."
    )
    push_services: str = Field(
        "fcm.googleapis.com updates.push.services.mozilla.com web.push.apple.com *.notify.windows.com",
        description="Hosts of the push services that browsers may subscribe at; `*.` stands for one label.",
    )

    @field_validator("nudge_quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        ends = _SPAN.fullmatch(value)
        if value and (ends is None or ends[1] == ends[2]):
            raise ValueError("must be two different times of day, such as 21:00-08:00")
        return value

    @field_validator("public_url")
    @classmethod
    def _http_base(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must begin with postgresql://")
        return "postgresql+psycopg://" + value.split("://", 1)[1] if value else value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("email_url")
    @classmethod
    def _smtp(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
            raise ValueError("must be smtp://user:password@host:port, or smtps://")
        return value

    @field_validator("push_services")
    @classmethod
    def _hosts(cls, value: str) -> str:
        for host in value.split():
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host name, such as push.example.com or *.push.example.com")
        return value

    @field_validator("sms_url")
    @classmethod
    def _apprise(cls, value: str) -> str:
        if value and ("://" not in value or "{phone}" not in value):
            raise ValueError("must be an Apprise URL that contains {phone}")
        return value

    @field_validator("email_from")
    @classmethod
    def _address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("must be an address, such as rewards@example.com or Rewards <rewards@example.com>")
        return value

    @field_validator("rate_limit_reads", "rate_limit_writes", "rate_limit_sign_in")
    @classmethod
    def _rate(cls, value: str) -> str:
        from limits import parse_many

        parse_many(value)
        return value

    @model_validator(mode="after")
    def _secret(self) -> Self:
        if self.secret_key and len(self.secret_key) < 32:
            raise ValueError("SECRET_KEY must have at least 32 characters")
        if self.production and self.secret_key and not _looks_random(self.secret_key):
            raise ValueError("SECRET_KEY must be random; make one by: openssl rand -hex 32")
        return self

    @model_validator(mode="after")
    def _registration_has_no_order(self) -> Self:
        if self.referral_convert_at_registration and self.referral_minimum_order:
            raise ValueError("REFERRAL_CONVERT_AT_REGISTRATION and REFERRAL_MINIMUM_ORDER exclude each other")
        if self.referral_convert_at_registration and self.referral_holding_days == 0:
            raise ValueError(
                "REFERRAL_CONVERT_AT_REGISTRATION=1 needs REFERRAL_HOLDING_DAYS of 1 or more: an account costs "
                "nothing, so its points must wait until somebody could look at it"
            )
        return self

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """When quiet hours begin and end for members who have not chosen; None: there are none."""
        ends = _SPAN.fullmatch(self.nudge_quiet_hours)
        return (time.fromisoformat(ends[1]), time.fromisoformat(ends[2])) if ends else None

    @property
    def base_url(self) -> str:
        """The portal's base URL, for links in messages."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def email_sender(self) -> str:
        """The sender of mails; an address without a name gets the programme's."""
        name, address = parseaddr(self.email_from)
        return formataddr((name or self.programme_name, address))

    @property
    def production(self) -> bool:
        """Whether this is a production instance."""
        return self.portal_env == "production"

    def flask_config(self) -> dict[str, Any]:
        """What Flask and its extensions read."""
        prefix = "__Host-" if self.production else ""
        return {
            "SETTINGS": self,
            "SECRET_KEY": self.secret_key,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SESSION_COOKIE_NAME": f"{prefix}session",
            "SESSION_COOKIE_SECURE": self.production,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "PERMANENT_SESSION_LIFETIME": self.session_days * 86_400,
            "SESSION_REFRESH_EACH_REQUEST": False,
            "WTF_CSRF_CHECK_DEFAULT": False,
            "WTF_CSRF_TIME_LIMIT": None,
            "MAX_CONTENT_LENGTH": 1_048_576,
            "OPENAPI_VERSION": "3.1.0",
            "AUTO_404_RESPONSE": False,
            "VALIDATION_ERROR_STATUS_CODE": 422,
        }

    @classmethod
    def load(cls, **overrides: Any) -> "Settings":
        """The settings of this process: environment, then the running instance of DATA_DIR.

        :raises SettingsError: if a name is misspelt, a value is invalid, or a required one is missing.
        """
        refuse_misspelt(os.environ)
        try:
            settings = cls(**overrides)
            settings = settings.model_copy(update=_from_instance(settings))
        except ValidationError as error:
            raise SettingsError(_explain(error)) from error
        _require(settings)
        return settings


def refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Refuse variables that look like a misspelt setting, which would have no effect.

    :raises SettingsError: if there are any; it names each, with the most similar setting.
    """
    known = [name.upper() for name in Settings.model_fields]
    ignored = environment.get("IGNORED_VARIABLES", "").split()
    found = [
        f"{name} is no setting" + (f" (did you mean {near}?)" if near else "")
        for name, near in find_misspelt(environment, known, ignored)
    ]
    if found:
        hint = "If it is another program's, name it in IGNORED_VARIABLES"
        raise SettingsError(f"Cannot start: {'; '.join(found)}. {hint}.")


def _from_instance(settings: Settings) -> dict[str, Any]:
    """Settings that the environment leaves out and the running instance of DATA_DIR knows."""
    path = settings.data_dir / "instance.json"
    if not path.is_file():
        return {}
    known = json.loads(path.read_text())
    names = ["database_url", "redis_url", "public_url"]
    if not settings.production:
        names.append("secret_key")
    return {name: known[name] for name in names if known.get(name) and not getattr(settings, name)}


def _explain(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, e['loc'])).upper() or 'settings'}: {e['msg']}" for e in error.errors()]
    return "Cannot start: " + "; ".join(lines)


def _require(settings: Settings) -> None:
    nowhere = f"no instance runs in {settings.data_dir} (DATA_DIR, see `make run`)"
    if not settings.secret_key:
        why = "a production start needs it" if settings.production else nowhere
        raise SettingsError(f"Cannot start: SECRET_KEY is not set; {why}.")
    for name in ("database_url", "redis_url"):
        if not getattr(settings, name):
            raise SettingsError(f"Cannot start: {name.upper()} is not set; {nowhere}.")
