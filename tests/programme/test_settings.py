"""The console of settings: admins read what is in force, and no secret."""

import re

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.programme.settings import GROUPS, SECRETS, WITH_CREDENTIALS, Setting, list_settings
from tests.factories.accounts import make_user, sign_in

PAGE = "/admin/programme/settings"
SETTINGS = Settings(
    secret_key="s" * 40,
    metrics_token="tok-metrics",
    vapid_private_key="vapid-private",
    sms_url="aws://key:sek@x/{phone}",
    database_url="postgresql://portal:dbpass@db.example:5432/portal?password=dbpass",
    session_days=7,
    redis_url="redis://:redispass@cache.example/0",
    email_url="smtp://mailer:mailpass@mail.example:587",
)


def by_name(settings: Settings) -> dict[str, Setting]:
    return {setting.variable: setting for group in list_settings(settings).values() for setting in group}


def test_every_setting_is_shown_with_value_default_and_meaning() -> None:
    shown = by_name(SETTINGS)
    assert list(shown) == [name.upper() for name in Settings.model_fields]
    assert (shown["SESSION_DAYS"].value, shown["SESSION_DAYS"].default) == ("7", "30")
    assert shown["SESSION_DAYS"].changed
    assert not shown["WORKERS"].changed
    assert all(setting.meaning for setting in shown.values())
    assert list(list_settings(SETTINGS)) == list(GROUPS.values())


def test_no_secret_and_no_password_is_shown() -> None:
    text = repr(list_settings(SETTINGS))
    for secret in ("s" * 40, "tok-metrics", "vapid-private", "sek", "dbpass", "redispass", "mailpass", "mailer"):
        assert secret not in text
    assert by_name(SETTINGS)["DATABASE_URL"].value == "postgresql+psycopg://db.example:5432/portal"


def test_a_setting_whose_name_speaks_of_secrets_or_addresses_is_masked() -> None:
    speaking = {name for name in Settings.model_fields if re.search(r"key|token|secret|password|_url$", name)}
    harmless = {"public_url", "programme_logo_url", "password_reset_minutes"}
    assert speaking - harmless == SECRETS | WITH_CREDENTIALS


def test_admins_see_the_page_and_its_tab_and_operators_do_not(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="admin"))
    page = client.get(PAGE).text
    assert page.count('data-testid="setting"') == len(Settings.model_fields)
    assert client.application.config["SETTINGS"].secret_key not in page
    assert PAGE in client.get("/admin/programme", follow_redirects=True).text

    sign_in(client, make_user(session, role="operator"))
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/programme", follow_redirects=True).text
