"""Flask extensions, made once and attached by the factory."""

from pathlib import Path

from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate
from htmx_flask import Htmx

from portal.accounts.principal import load_session
from portal.platform.db import db

login_manager = LoginManager()
login_manager.session_protection = None
login_manager.user_loader(load_session)
migrate = Migrate(compare_type=True)
htmx = Htmx()


def init_app(app: Flask) -> None:
    """Attach them all."""
    login_manager.init_app(app)
    htmx.init_app(app)
    migrate.init_app(app, db, directory=str(Path(app.root_path).parent / "migrations"))
