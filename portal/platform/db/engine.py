"""The database: declarative base, engine options, and the transaction of jobs and commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CursorResult, DateTime, MetaData, Result
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session

from portal.platform.db import after_commit
from portal.platform.documents import Document

TIMEOUTS = "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"


class Base(DeclarativeBase):
    """Base of every model: named constraints, UTC timestamps, jsonb."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        Document: JSONB,
        list[Document]: JSONB,
    }


db = SQLAlchemy(session_options={"expire_on_commit": False, "join_transaction_mode": "create_savepoint"})
after_commit.listen(db.session)


def init_app(app: Flask) -> None:
    """Create the engine from the settings."""
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config["SETTINGS"].database_pool_size)
    db.init_app(app)


def engine_options(pool_size: int) -> dict[str, Any]:
    """Options of an engine: time limits on every statement, recycled instead of pinged connections.

    Errors, and so logs, do not show parameters: they hold addresses and password hashes.
    """
    return {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": 10,
        "pool_recycle": 1800,
        "pool_use_lifo": True,
        "connect_args": {"options": TIMEOUTS, "connect_timeout": 5, "application_name": "portal"},
    }


def count_changed(result: Result[Any]) -> int:
    """How many rows an UPDATE or DELETE has changed."""
    return cast("CursorResult[Any]", result).rowcount


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One job's or command's transaction: committed at the end, rolled back on any exception."""
    session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
