"""Migrations: numbered, reversible with data in place, and equal to the models."""

import re
from pathlib import Path

import pytest
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect, text

from portal.ledger.verify import find_differences
from portal.platform.db import Base, db, unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions.models import Redemption
from tests.factories.loyalty import make_member, make_reward, make_tier

VERSIONS = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py"))
CHECKS = text("""
    SELECT c.conrelid::regclass::text AS place, pg_get_constraintdef(c.oid) AS says
    FROM pg_constraint c WHERE c.contype = 'c' AND c.connamespace = current_schema()::regnamespace
""")


def test_versions_are_numbered_without_gaps() -> None:
    numbers = [re.match(r"(\d{4})_\w+\.py$", path.name) for path in VERSIONS]
    assert [int(number[1]) for number in numbers if number] == list(range(1, len(VERSIONS) + 1))


def test_the_models_are_what_the_migrations_make(committed_app: Portal) -> None:
    with committed_app.app_context():
        check()


def test_the_checks_of_the_models_are_those_of_the_migrations(committed_app: Portal) -> None:
    with committed_app.app_context(), db.engine.connect() as connection:
        migrated = {tuple(row) for row in connection.execute(CHECKS)}
        connection.execute(text("CREATE SCHEMA models"))
        connection.execute(text("SET search_path TO models"))
        Base.metadata.create_all(connection, checkfirst=False)
        modelled = {tuple(row) for row in connection.execute(CHECKS)}
    assert modelled - migrated == set(), "a migration is missing"
    assert migrated - modelled == set(), "the models do not say so"


def test_every_step_goes_down_with_data_in_place_and_up_again(committed_app: Portal) -> None:
    with committed_app.app_context():
        with unit_of_work() as session:
            make_tier(session, "silver", 50)
            make_reward(session, "mug", 10)
            make_member(session, points=100)
        for number in range(len(VERSIONS) - 1, 0, -1):
            downgrade(revision=f"{number:04}")
            with unit_of_work() as session:
                assert session.scalar(text("SELECT version_num FROM alembic_version")) == f"{number:04}"
        upgrade()
        check()
        with unit_of_work() as session:
            member = make_member(session, points=100)
            assert member.balance == 100
            assert find_differences(session) == []
            assert session.query(Redemption).count() == 0


def test_the_first_step_goes_down_to_an_empty_database(committed_app: Portal) -> None:
    with committed_app.app_context():
        downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
        upgrade()
        check()


@pytest.mark.parametrize(
    "table",
    [
        "loyalty_tiers",
        "loyalty_members",
        "loyalty_ledger_entries",
        "loyalty_referral_invites",
        "loyalty_rewards",
        "loyalty_redemptions",
        "loyalty_point_expirations",
        "loyalty_checkout_intents",
        "loyalty_nudges",
        "loyalty_nudge_campaigns",
        "loyalty_nudge_dispatch_events",
        "users",
        "notification_preferences",
        "loyalty_analytics_snapshots",
    ],
)
def test_every_table_of_the_runbook_exists(app: Portal, table: str) -> None:
    with app.app_context():
        assert table in inspect(db.engine).get_table_names()
