"""The database: engine, transactions, and the one reader of a request."""

from portal.platform.db.engine import TIMEOUTS, Base, db, engine_options, init_app, unit_of_work

__all__ = [
    "TIMEOUTS",
    "Base",
    "db",
    "engine_options",
    "init_app",
    "unit_of_work",
]
