"""`/healthz`: the process is up. `/readyz`: the database, Redis and the migrations are as they must be."""

from typing import NamedTuple

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Response, current_app
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.platform.db.reads import read_one
from portal.platform.queue import client
from portal.platform.web.proxies import has_undeclared
from portal.platform.web.responses import json


def _migration_head() -> str | None:
    config = Config()
    config.set_main_option("script_location", f"{current_app.root_path}/../migrations")
    return ScriptDirectory.from_config(config).get_current_head()


class _Migrated(NamedTuple):
    """The migration that the database is at."""

    version_num: str


def check_database() -> str:
    """`ok`, or what is wrong with the database or its migrations."""
    try:
        row = read_one(text("SELECT version_num FROM alembic_version"), {}, _Migrated)
    except (SQLAlchemyError, psycopg.Error):
        return "unreachable or not migrated"
    return "ok" if row and row.version_num == _migration_head() else "migrations pending"


def check_redis() -> str:
    """`ok`, or `unreachable`."""
    try:
        client().ping()
    except (RedisError, OSError):
        return "unreachable"
    return "ok"


def healthz() -> Response:
    """Answer while the process runs."""
    return json({"status": "ok"})


def readyz() -> Response:
    """Answer 200 when work can be done, 503 with the failing part otherwise.

    Redis only wakes workers: without it the portal is degraded and stays ready. `warnings` are what an operator should
    look at although all works.
    """
    checks = {"database": check_database(), "redis": check_redis()}
    warnings = {"warnings": ["undeclared_proxy"]} if has_undeclared() else {}
    if checks["database"] != "ok":
        return json({"status": "unavailable", "checks": checks, **warnings}, 503)
    return json({"status": "ok" if checks["redis"] == "ok" else "degraded", "checks": checks, **warnings})
