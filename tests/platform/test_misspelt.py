"""A misspelt setting refuses to start; what other programs set does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from portal.config import Settings, SettingsError, refuse_misspelt
from portal.platform.misspelt import find_misspelt

ROOT = Path(__file__).parents[2]
SETTINGS = [name.upper() for name in Settings.model_fields]

KUBERNETES = {
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://10.0.0.1:443",
    "KUBERNETES_PORT_443_TCP": "tcp://10.0.0.1:443",
    "KUBERNETES_PORT_443_TCP_ADDR": "10.0.0.1",
    "REDIS_SERVICE_HOST": "10.0.0.2",
    "REDIS_SERVICE_PORT": "6379",
    "REDIS_PORT": "tcp://10.0.0.2:6379",
    "REDIS_PORT_6379_TCP_PROTO": "tcp",
    "DATABASE_PORT": "tcp://10.0.0.3:5432",
    "CHECKOUT_SERVICE_HOST": "10.0.0.4",
    "CHECKOUT_SERVICE_PORT_HTTP": "80",
    "CHECKOUT_PORT": "tcp://10.0.0.4:80",
    "CHECKOUT_PORT_80_TCP_PORT": "80",
    "LOYALTY_PORTAL_SERVICE_HOST": "10.0.0.5",
    "LOYALTY_PORTAL_PORT": "tcp://10.0.0.5:8000",
    "POINTS_PORT": "udp://10.0.0.6:53",
    "WEB_PORT": "tcp://10.0.0.7:80",
    "HOSTNAME": "portal-7d4b9c-x2x",
}
DOCKER = {
    "CHECKOUT_NAME": "/portal/checkout",
    "CHECKOUT_ENV_VERSION": "3",
    "CHECKOUT_PORT_80_TCP": "tcp://172.17.0.2:80",
    "HOSTNAME": "4f5a2b1c9d3e",
    "PYTHON_VERSION": "3.12.7",
    "PYTHON_PIP_VERSION": "24.2",
    "GPG_KEY": "7169605F62C751356D054A26A821E680E5FA6305",
    "LANG": "C.UTF-8",
    "container": "podman",
}
GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_WORKSPACE": "/home/runner/work",
    "GITHUB_TOKEN": "x",
    "GITHUB_SERVER_URL": "https://github.com",
    "RUNNER_TEMP": "/tmp",
    "RUNNER_WORKSPACE": "/w",
    "ACTIONS_RUNTIME_TOKEN": "x",
    "INVOCATION_ID": "9",
    "SYSTEMD_EXEC_PID": "1",
    "ImageOS": "ubuntu24",
    "pythonLocation": "/opt/python",
    "DEPLOYMENT_BASEPATH": "/opt/runner",
    "XDG_DATA_DIRS": "/usr/share",
    "XDG_DATA_DIR": "/x",
    "PGDATA": "/x",
}
SYSTEMD = {
    "INVOCATION_ID": "1b",
    "JOURNAL_STREAM": "8:1",
    "LISTEN_FDS": "1",
    "LISTEN_PID": "1",
    "NOTIFY_SOCKET": "/run/x",
    "WATCHDOG_USEC": "30",
    "MAINPID": "7",
    "RUNTIME_DIRECTORY": "/run/portal",
    "STATE_DIRECTORY": "/var/lib/portal",
    "LOGNAME": "portal",
    "USER": "portal",
    "SHELL": "/bin/sh",
    "MAIL": "/var/mail/x",
    "CREDENTIALS_DIRECTORY": "/run/c",
}
PLATFORMS = {
    "HOST": "0.0.0.0",
    "PORT": "8080",
    "DYNO": "web.1",
    "WEB_CONCURRENCY": "2",
    "REDIS_TLS_URL": "rediss://x",
    "REDIS_HOST": "x",
    "REDIS_USER": "x",
    "REDIS_PASSWORD": "x",
    "REDIS_DB": "0",
    "HEROKU_POSTGRESQL_AMBER_URL": "postgres://x",
    "DATABASE_USER": "x",
    "DATABASE_NAME": "x",
    "DATABASE_PASSWORD": "x",
    "TEST_DATABASE_URL": "postgres://x",
    "DEV_DATABASE_URL": "postgres://x",
    "DATABASE_URL_RO": "postgres://x",
    "PGHOST": "x",
    "PGPORT": "5432",
    "PGUSER": "x",
    "PGPASSWORD": "x",
    "PGDATABASE": "x",
    "EMAIL": "me@example.com",
    "ORDER_API_URL": "x",
    "REFUND_EMAIL": "x",
    "EMAIL_HOST": "x",
    "EMAIL_PORT": "25",
    "EMAIL_HOST_USER": "x",
    "SMTP_URL": "x",
    "SMTP_HOST": "x",
    "MAILTO": "x",
    "SECRET_KEY_BASE": "x",
    "LOGLEVEL": "debug",
    "DATADIR": "/x",
    "LOG_FORMAT": "json",
    "DEBUG": "1",
    "NODE_ENV": "production",
    "FLASK_ENV": "production",
    "FLASK_APP": "wsgi",
    "PROMETHEUS_MULTIPROC_DIR": "/x",
    "SESSION_MANAGER": "x",
    "DESKTOP_SESSION": "x",
    "SSH_CONNECTION": "x",
    "WORKSPACE": "/x",
    "WORKDIR": "/x",
    "VAPID_PUBLIC_KEY": "x",
    "PUBLIC_IP": "x",
    "BASE_URL": "x",
    "HOME": "/x",
    "POSTHOG_API_KEY": "x",
    "POSTGRES_URL": "x",
    "SENTRY_DSN": "x",
    "TZ": "UTC",
}


@pytest.mark.parametrize(
    "environment", [KUBERNETES, DOCKER, GITHUB, SYSTEMD, PLATFORMS], ids=lambda found: next(iter(found))
)
def test_a_usual_environment_starts(environment: dict[str, str]) -> None:
    assert list(find_misspelt(environment, SETTINGS)) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REFERAL_BONUS_POINTS", "REFERRAL_BONUS_POINTS"),
        ("REFERRAL_BONUSPOINTS", "REFERRAL_BONUS_POINTS"),
        ("referral_bonus_point", "REFERRAL_BONUS_POINTS"),
        ("REFERRALS_BONUS_POINTS", "REFERRAL_BONUS_POINTS"),
        ("REFFERAL_WELCOME_POINTS", "REFERRAL_WELCOME_POINTS"),
        ("NUDGE_DAYLY_CAP", "NUDGE_DAILY_CAP"),
        ("PROGRAM_NAME", "PROGRAMME_NAME"),
        ("PROGRAMME_COLOR", "PROGRAMME_COLOUR"),
        ("POINTS_EXPIRE_AFTER_MONTH", "POINTS_EXPIRE_AFTER_MONTHS"),
        ("EARN_STATE", "EARN_STATUS"),
        ("EARN_ON_TAXES", "EARN_ON_TAX"),
        ("PENDING_DAY", "PENDING_DAYS"),
        ("ORDER_CLAIM_DAY", "ORDER_CLAIM_DAYS"),
        ("REFUND_SHORTFAL", "REFUND_SHORTFALL"),
        ("LOGIN_MAX_FAILURE", "LOGIN_MAX_FAILURES"),
        ("SECRET_KEYS", "SECRET_KEY"),
        ("SERCET_KEY", "SECRET_KEY"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_URI", "REDIS_URL"),
        ("PUBLIC_URLS", "PUBLIC_URL"),
        ("PROTAL_ENV", "PORTAL_ENV"),
        ("PORTALENV", "PORTAL_ENV"),
        ("TRUSTED_PROXYS", "TRUSTED_PROXIES"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("WEB_WORKER", "WEB_WORKERS"),
        ("PROT", "PORT"),
        ("HSOT", "HOST"),
        ("HOSTT", "HOST"),
        ("POORT", "PORT"),
        ("DEMMO", "DEMO"),
        ("DATA_DRI", "DATA_DIR"),
        ("EMAIL_ULR", "EMAIL_URL"),
        ("METRIC_TOKEN", "METRICS_TOKEN"),
        ("VAPID_PRIVAT_KEY", "VAPID_PRIVATE_KEY"),
    ],
)
def test_a_slip_is_refused_and_the_setting_named(name: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=rf"^Cannot start: {name} is no setting \(did you mean {meant}\?\)"):
        refuse_misspelt({name: "1", "PATH": "/bin"})


def test_a_name_of_ours_that_is_near_to_none_is_refused_too() -> None:
    with pytest.raises(SettingsError, match="NUDGE_X is no setting"):
        refuse_misspelt({"NUDGE_X": "1"})


def test_all_slips_are_named_at_once_and_no_value() -> None:
    with pytest.raises(SettingsError, match=r"SECRET_KEYS .*REFERAL_BONUS_POINTS") as refused:
        refuse_misspelt({"SECRET_KEYS": "hush", "REFERAL_BONUS_POINTS": "700"})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("ignored", ["CHECKOUT_API_KEY", "CHECKOUT_*", "OTHER checkout_*"])
def test_another_programs_variable_is_let_pass_when_it_is_named(ignored: str) -> None:
    refuse_misspelt({"CHECKOUT_API_KEY": "x", "IGNORED_VARIABLES": ignored})
    with pytest.raises(SettingsError, match="CHECKOUT_API_KEY"):
        refuse_misspelt({"CHECKOUT_API_KEY": "x", "IGNORED_VARIABLES": "CHECKOUT"})


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_known_and_every_slip_in_it_is_not(setting: str) -> None:
    assert list(find_misspelt({setting: "1"}, SETTINGS)) == []
    if len(setting) < 7:
        return
    doubled, without = setting[:3] + setting[2:], setting[:4] + setting[5:]
    for slip in (doubled, without, setting + setting[-1]):
        if slip not in ("DATADIR", "LOGLEVEL"):
            assert [found for found, _ in find_misspelt({slip: "1"}, SETTINGS)] == [slip]


@pytest.mark.parametrize("command", [["users", "list"], ["worker"], ["db", "upgrade"]])
def test_no_command_starts(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "REFERAL_BONUS_POINTS": "700"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "did you mean REFERRAL_BONUS_POINTS?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
