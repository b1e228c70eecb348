"""The factory: what the portal consists of, in the order in which it is attached."""

from pathlib import Path

from flask_migrate import Migrate
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Settings
from portal.platform.web.application import Portal
from portal.platform.web.converters import UlidConverter

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Portal:
    """The application for these settings (default: the environment's and the running instance's).

    :raises portal.config.SettingsError: if a setting is misspelt, invalid or missing.
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
    app.url_map.converters["ulid"] = UlidConverter
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[settings.trusted_proxies] * 4)  # type: ignore[method-assign]  # Flask says so
    _attach_platform(app)
    _attach_domains(app)
    return app


def _attach_platform(app: Portal) -> None:
    """Attach everything that knows no domain; it comes first, because domains register with it."""
    from portal.platform import db, formatting, observability, openapi, outbox, problems, queue, retention
    from portal.platform.brand import colours, icons, stylesheet
    from portal.platform.db import reads
    from portal.platform.web import application, limits, links, proxies, responses

    for part in (observability, responses, problems, db, reads, queue, proxies, outbox, limits, application, openapi):
        part.init_app(app)
    Htmx().init_app(app)
    Migrate(compare_type=True).init_app(app, db.db, directory=str(ROOT / "migrations"))
    for part in (retention, stylesheet, colours, icons, links):
        part.init_app(app)
    settings = app.config["SETTINGS"]
    worth = settings.programme_currency, settings.points_per_currency_unit
    formatting.init_app(app, settings.programme_timezone.key, settings.programme_locale, worth)


def _attach_domains(app: Portal) -> None:
    from portal.accounts import web as accounts
    from portal.analytics import web as analytics
    from portal.checkout import web as checkout
    from portal.desk import web as desk
    from portal.earning import web as earning
    from portal.home import web as home
    from portal.hub import web as hub
    from portal.imports import web as imports
    from portal.jobs import web as jobs
    from portal.ledger import web as ledger
    from portal.notifications import web as notifications
    from portal.nudges import web as nudges
    from portal.orders import web as orders
    from portal.programme import web as programme
    from portal.redemptions import web as redemptions
    from portal.referrals import web as referrals
    from portal.rewards import web as rewards
    from portal.tiers import web as tiers

    members = (
        accounts,
        tiers,
        ledger,
        notifications,
        rewards,
        redemptions,
        earning,
        referrals,
        orders,
        checkout,
        nudges,
    )
    operators = (programme, analytics, imports, jobs, desk)
    for domain in (*members, *operators, hub, home):
        domain.init_app(app)
