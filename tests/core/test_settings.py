"""Settings refuse nonsense and say which."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.config import Settings, SettingsError

GOOD = {
    "SECRET_KEY": "k" * 32, "DATABASE_URL": "postgresql://portal@/portal", "REDIS_URL": "redis://127.0.0.1",
}  # fmt: skip


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
        ("PORT", "0"), ("PORT", "eighty"), ("PROGRAMME_TIMEZONE", "Mars/Phobos"), ("PROGRAMME_LOCALE", "xx-nowhere"),
        ("PROGRAMME_COLOUR", "red"), ("DATABASE_URL", "sqlite://"), ("REDIS_URL", "memcached://x"),
        ("PUBLIC_URL", "shop.example"), ("RATE_LIMIT_READS", "many"), ("POINTS_EXPIRE_AFTER_MONTHS", "-1"),
        ("REFERRAL_MEMBER_MAX_ACTIVE_INVITES", "0"), ("SECRET_KEY", "short"), ("PORTAL_ENV", "staging"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_by_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=f"Cannot start: .*{name}"):
        Settings.load()


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
    "secret", ["a" * 64, "ab" * 32, "changeme" * 8, "1111111122222222" * 3, " " * 40, "secret-key-" * 4]
)
def test_a_production_start_takes_no_secret_that_is_none(environment: pytest.MonkeyPatch, secret: str) -> None:
    environment.setenv("SECRET_KEY", secret)
    assert Settings.load().secret_key == secret, "development takes it"
    environment.setenv("PORTAL_ENV", "production")
    with pytest.raises(SettingsError, match="SECRET_KEY must be random"):
        Settings.load()


@pytest.mark.parametrize(
    "make", [lambda: secrets.token_hex(32), lambda: secrets.token_urlsafe(32), lambda: "8317402956" * 3 + "741"]
)
def test_a_production_start_takes_a_random_secret(environment: pytest.MonkeyPatch, make: Callable[[], str]) -> None:
    environment.setenv("PORTAL_ENV", "production")
    for secret in (make() for _ in range(100)):
        environment.setenv("SECRET_KEY", secret)
        assert Settings.load().secret_key == secret
