"""The database: engine, transactions, and the reads of a request."""

from portal.platform.db.engine import TIMEOUTS, Base, count_changed, db, engine_options, init_app, unit_of_work

__all__ = [
    "TIMEOUTS",
    "Base",
    "count_changed",
    "db",
    "engine_options",
    "init_app",
    "unit_of_work",
]
