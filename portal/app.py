"""The loyalty and referral portal."""

from pathlib import Path

from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Settings
from portal.platform.web.edge import Portal

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Portal:
    """The application for these settings (default: the environment's and the running instance's).

    :raises portal.config.SettingsError: a setting is impossible or missing.
    """
    settings = settings or Settings.load()
    app = Portal(
        "portal",
        title=f"{settings.programme_name} API",
        version="1",
        json_errors=False,
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.update(settings.flask_config())
    app.url_map.merge_slashes = False
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[settings.trusted_proxies] * 4)  # type: ignore[method-assign]
    _attach_machinery(app)
    _attach_domains(app)
    return app


def _attach_machinery(app: Portal) -> None:
    from portal import extensions
    from portal.accounts.web import guards
    from portal.platform import db, logs, metrics, openapi, outbox, problems, queue
    from portal.platform.brand import colours, icons, stylesheet
    from portal.platform.db import reads
    from portal.platform.web import bodies, edge, formatting, limits, links, proxies, responses

    parts = (
        logs,
        metrics,
        responses,
        problems,
        db,
        reads,
        queue,
        proxies,
        outbox,
        limits,
        edge,
        openapi,
        guards,
        extensions,
        stylesheet,
        colours,
        icons,
        links,
        bodies,
    )
    for part in parts:
        part.init_app(app)
    settings = app.config["SETTINGS"]
    worth = settings.programme_currency, settings.points_per_currency_unit
    formatting.init_app(app, settings.programme_timezone, settings.programme_locale, worth)


def _attach_domains(app: Portal) -> None:
    from portal import (
        accounts,
        analytics,
        checkout,
        home,
        hub,
        jobs,
        ledger,
        notifications,
        nudges,
        redemptions,
        referrals,
        rewards,
        tiers,
    )

    domains = (
        accounts,
        tiers,
        ledger,
        notifications,
        rewards,
        redemptions,
        referrals,
        checkout,
        nudges,
        analytics,
        jobs,
        hub,
        home,
    )
    for domain in domains:
        domain.init_app(app)
