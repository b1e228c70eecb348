"""Settings refuse nonsense and say which."""

import json
import secrets
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from portal.config import Settings, SettingsError

GOOD = {
    "SECRET_KEY": "k" * 32,
    "DATABASE_URL": "postgresql://portal@/portal",
    "REDIS_URL": "redis://127.0.0.1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which a start would succeed, and no instance runs."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in {**GOOD, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_good_environment_starts() -> None:
    assert Settings.load().database_url == "postgresql+psycopg://portal@/portal"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("PROGRAMME_TIMEZONE", "Mars/Phobos"),
        ("PROGRAMME_LOCALE", "xx-nowhere"),
        ("PROGRAMME_COLOUR", "red"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "memcached://x"),
        ("PUBLIC_URL", "shop.example"),
        ("RATE_LIMIT_READS", "many"),
        ("POINTS_EXPIRE_AFTER_MONTHS", "-1"),
        ("REFERRAL_MEMBER_MAX_ACTIVE_INVITES", "0"),
        ("SECRET_KEY", "short"),
        ("INVITE_SMS_COUNTRIES", "DE Germany"),
        ("INVITE_RECIPIENT_MAX", "0"),
        ("INVITE_RECIPIENT_DAYS", "366"),
        ("INVITE_DAILY_CAP", "0"),
        ("REFERRAL_DAILY_CONVERSIONS", "0"),
        ("REFERRAL_NEW_CUSTOMERS_ONLY", "perhaps"),
        ("PORTAL_ENV", "staging"),
        ("EARN_STATUS", "cancelled"),
        ("EARN_STATUS", ""),
        ("EARN_ON_TAX", "perhaps"),
        ("EARN_ON_SHIPPING", "2"),
        ("EARN_ON_POINTS_PART", ""),
        ("EARN_ON_GIFT_CARD_PART", "half"),
        ("PENDING_DAYS", "-1"),
        ("PENDING_DAYS", "3651"),
        ("PENDING_FROM", "shipped"),
        ("PENDING_MAX_DAYS", "0"),
        ("ORDER_CLAIM_DAYS", "-1"),
        ("ORDER_CLAIM_DAYS", "a month"),
        ("REFUND_SHORTFALL", "forgive"),
        ("NUDGE_QUIET_HOURS", "21-8"),
        ("NUDGE_QUIET_HOURS", "21:00-24:00"),
        ("NUDGE_QUIET_HOURS", "08:00-08:00"),
        ("NUDGE_QUIET_HOURS", "9:00-10:00"),
        ("NUDGE_QUIET_HOURS", "none"),
        ("NUDGE_QUIET_HOURS", "21:00-08:00\n"),
    ],
)
def test_an_impossible_value_is_refused_by_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=f"Cannot start: .*{name}"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        *[
            (name, value, value)
            for name in ("EARN_STATUS", "PENDING_FROM")
            for value in ("placed", "paid", "fulfilled")
        ],
        *[("REFUND_SHORTFALL", value, value) for value in ("owe", "available", "order_only")],
        ("EARN_ON_TAX", "1", True),
        ("EARN_ON_GIFT_CARD_PART", "0", False),
        ("PENDING_DAYS", "14", 14),
        ("ORDER_CLAIM_DAYS", "0", 0),
    ],
)
def test_what_orders_earn_is_chosen(environment: pytest.MonkeyPatch, name: str, value: str, read: object) -> None:
    environment.setenv(name, value)
    assert getattr(Settings.load(), name.lower()) == read


@pytest.mark.parametrize("days", [None, "0"])
def test_points_for_registering_alone_demand_a_holding_period(
    environment: pytest.MonkeyPatch, days: str | None
) -> None:
    environment.setenv("REFERRAL_CONVERT_AT_REGISTRATION", "1")
    if days is not None:
        environment.setenv("REFERRAL_HOLDING_DAYS", days)
    with pytest.raises(SettingsError, match=r"Cannot start: .*REFERRAL_HOLDING_DAYS of 1 or more"):
        Settings.load()
    environment.setenv("REFERRAL_HOLDING_DAYS", "1")
    assert Settings.load().referral_convert_at_registration


@pytest.mark.parametrize("given", ["de at", "DE,AT", " DE  AT "])
def test_countries_are_named_as_people_write_them(environment: pytest.MonkeyPatch, given: str) -> None:
    environment.setenv("INVITE_SMS_COUNTRIES", given)
    assert Settings.load().invite_sms_countries == "DE AT"


@pytest.mark.parametrize(
    ("given", "hours"),
    [(None, (time(21), time(8))), ("", None), ("00:30-06:15", (time(0, 30), time(6, 15)))],
)
def test_quiet_hours_are_two_times_of_day_or_none(
    environment: pytest.MonkeyPatch, given: str | None, hours: tuple[time, time] | None
) -> None:
    if given is not None:
        environment.setenv("NUDGE_QUIET_HOURS", given)
    assert Settings.load().quiet_hours == hours


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_a_start_needs_is_named_when_it_is_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        Settings.load()


def test_commands_reach_the_running_instance_of_their_data_dir(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = {
        "secret_key": "i" * 40,
        "database_url": "postgresql+psycopg://x@/y",
        "redis_url": "unix:///r",
        "public_url": "",
    }
    (tmp_path / "instance.json").write_text(json.dumps(known))
    for name in GOOD:
        environment.delenv(name)
    settings = Settings.load()
    assert (settings.secret_key, settings.redis_url) == ("i" * 40, "unix:///r")


def test_a_production_start_takes_no_secret_from_the_instance(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps({"secret_key": "i" * 40}))
    environment.delenv("SECRET_KEY")
    environment.setenv("PORTAL_ENV", "production")
    with pytest.raises(SettingsError, match="a production start needs it"):
        Settings.load()


@pytest.mark.parametrize(
    "secret",
    [
        "a" * 64,
        "ab" * 32,
        "changeme" * 8,
        "1111111122222222" * 3,
        " " * 40,
        "secret-key-" * 4,
        "changeme" * 4 + "1",
        "a" * 26 + "bcdefgh",
        "1234567890" * 4 + "x",
        "thisismysecretkey" * 2,
    ],
)
def test_a_production_start_takes_no_secret_that_is_none(environment: pytest.MonkeyPatch, secret: str) -> None:
    environment.setenv("SECRET_KEY", secret)
    assert Settings.load().secret_key == secret, "development takes it"
    environment.setenv("PORTAL_ENV", "production")
    with pytest.raises(SettingsError, match="SECRET_KEY must be random"):
        Settings.load()


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(32),
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(32),
        lambda: "".join(secrets.choice("0123456789") for _ in range(64)),
    ],
)
def test_a_production_start_takes_a_random_secret(environment: pytest.MonkeyPatch, make: Callable[[], str]) -> None:
    environment.setenv("PORTAL_ENV", "production")
    for secret in (make() for _ in range(100)):
        environment.setenv("SECRET_KEY", secret)
        assert Settings.load().secret_key == secret
