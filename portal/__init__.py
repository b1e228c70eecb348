"""The loyalty and referral portal."""

from pathlib import Path

from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Settings
from portal.core.edge import Portal

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Portal:
    """The application for these settings (default: the environment's and the running instance's).

    :raises portal.config.SettingsError: a setting is impossible or missing.
    """
    settings = settings or Settings.load()
    app = Portal(
        "portal", title=f"{settings.programme_name} API", version="1", json_errors=False,
        spec_path="/api/v1/openapi.json", docs_path=None,
        template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"),
    )  # fmt: skip
    app.config.update(settings.flask_config())
    app.url_map.merge_slashes = False
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[settings.trusted_proxies] * 4)  # type: ignore[method-assign]
    _attach_machinery(app)
    _attach_domains(app)
    return app


def _attach_machinery(app: Portal) -> None:
    from portal import extensions
    from portal.accounts import guards
    from portal.core import (
        branding,
        colours,
        db,
        formatting,
        icons,
        limits,
        logs,
        metrics,
        openapi,
        outbox,
        problems,
        queue,
        reads,
        responses,
        sessions,
    )  # fmt: skip

    parts = (
        logs, metrics, responses, problems, db, reads, queue, outbox, limits, sessions, openapi, guards, extensions,
        branding, colours, icons,
    )  # fmt: skip
    for part in parts:
        part.init_app(app)
    formatting.init_app(app, app.config["SETTINGS"].programme_timezone, app.config["SETTINGS"].programme_locale)


def _attach_domains(app: Portal) -> None:
    from portal import (
        accounts,
        analytics,
        hub,
        ledger,
        notifications,
        redemptions,
        referrals,
        rewards,
        scheduling,
        tiers,
    )

    for domain in (accounts, tiers, ledger, notifications, rewards, redemptions, referrals, analytics, scheduling, hub):
        domain.init_app(app)
