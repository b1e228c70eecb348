"""Demo data: a shop with a year behind it, made through the services."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import AuthSession, User
from portal.accounts.passwords import hash_password
from portal.accounts.sessions import open_session
from portal.accounts.users import create_user
from portal.analytics.models import AnalyticsSnapshot
from portal.checkout.models import CheckoutIntent
from portal.hub.demo.load import PASSWORD, SIGN_INS
from portal.hub.demo.story import DAYS
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.notifications.models import Message
from portal.nudges.models import Nudge
from portal.nudges.signals import SIGNALS
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.rewards.models import Reward
from portal.tiers.models import Tier
from tests import databases


def check_nights(session: Session) -> None:
    """A night for each day of the story, which tells of that day alone; all of them add up to the ledger."""
    points = [row.figures["points"] for row in session.scalars(select(AnalyticsSnapshot).order_by("night"))]
    assert len(points) == DAYS
    spans = [[datetime.fromisoformat(night[end]) for end in ("from", "to")] for night in points]
    assert max(to - since for since, to in spans) <= timedelta(hours=25)
    assert [since for since, _ in spans[1:]] == [to for _, to in spans[:-1]]
    amount = LedgerEntry.amount
    spent, expired = LedgerEntry.source == "redemption", LedgerEntry.entry_type == "expiration"  # refunds are no issue
    which = {"issued": [amount > 0, ~spent], "redeemed": [spent], "expired": [expired]}
    for name, where in {**which, "withdrawn": [amount < 0, ~spent, ~expired]}.items():
        in_ledger = session.scalar(select(func.coalesce(func.sum(amount), 0)).where(*where))
        assert sum(night[name] for night in points) == abs(in_ledger or 0), name
    assert max(night["issued"] for night in points) < sum(night["issued"] for night in points) / 20


def test_the_demo_shop_has_every_state_and_a_clean_ledger(committed_app: Portal) -> None:
    runner: FlaskCliRunner = committed_app.test_cli_runner()
    loaded = runner.invoke(args=["demo", "load"])
    assert loaded.exit_code == 0, loaded.output
    assert "ada@example.com" in loaded.output
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Member)) >= 40
        told = session.scalars(select(User.birthday).where(User.birthday.is_not(None))).all()
        assert len(set(told)) == len(told) >= 30
        assert 3 <= (session.scalar(select(func.count()).select_from(Tier)) or 0) <= 5
        assert (session.scalar(select(func.count()).select_from(Reward)) or 0) >= 8
        assert set(session.scalars(select(Redemption.status).distinct())) == set(RedemptionStatus)
        waiting = set(session.scalars(select(CheckoutIntent.kind).where(CheckoutIntent.status == "pending")))
        assert waiting == {"redemption", "referral_share"}
        assert set(session.scalars(select(Nudge.signal).distinct())) == set(SIGNALS)
        sent = session.scalars(select(Message.backend).where(Message.kind == "nudge", Message.status == "sent")).all()
        assert set(sent) == {"preview"}
        kinds = set(session.scalars(select(LedgerEntry.entry_type).distinct()))
        assert {"order", "adjustment", "redemption", "expiration", "event", "birthday", "sign_up"} <= kinds
        first, last = session.execute(
            select(func.min(LedgerEntry.occurred_at), func.max(LedgerEntry.occurred_at))
        ).one()
        assert (last - first).days > 365
        assert find_differences(session) == []
        check_nights(session)
    again = runner.invoke(args=["demo", "load"])
    assert again.exit_code == 1
    assert "empty" in again.output


def test_production_gets_no_sign_ins_with_a_known_password(servers: databases.Servers, app: Portal) -> None:
    production = databases.make_app(servers, servers.url(servers.name("main")), portal_env="production")
    refused = production.test_cli_runner().invoke(args=["demo", "load"])
    assert (refused.exit_code, "not for production" in refused.output) == (1, True)


@pytest.fixture
def demo_in_production(committed_app: Portal, servers: databases.Servers) -> Iterator[Portal]:
    """A production instance on a database that was filled with demo data before."""
    with committed_app.app_context(), unit_of_work() as session:
        for role, email, user_id, name in SIGN_INS:
            user = create_user(session, user_id=user_id, email=email, name=name, role=role)
            user.password_hash = hash_password(PASSWORD)
    application = databases.make_app(servers, servers.url(servers.name("race")), portal_env="production")
    with application.app_context():
        yield application
        databases.dispose(application)


def may_sign_in(application: Portal, email: str, password: str = PASSWORD) -> bool:
    data = {"email": email, "password": password, "csrf_token": ""}
    browser, secure = application.test_client(), {"base_url": "https://localhost"}
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login", **secure).text)
    data["csrf_token"] = found[1] if found else ""
    return (
        browser.post("/login", data=data, headers={"Referer": "https://localhost/login"}, **secure).status_code == 303
    )


@pytest.mark.parametrize("email", [email for _, email, _, _ in SIGN_INS])
def test_in_production_nobody_signs_in_with_the_printed_password(demo_in_production: Portal, email: str) -> None:
    assert not may_sign_in(demo_in_production, email)
    with unit_of_work() as session:
        (user,) = [user for user in session.scalars(select(User)) if user.email == email]
        user.password_hash = hash_password("another long password")
    assert may_sign_in(demo_in_production, email, "another long password")


def test_closing_the_demo_takes_what_is_known_and_leaves_what_was_changed(demo_in_production: Portal) -> None:
    with unit_of_work() as session:
        amy = session.get_one(User, "demo-admin")
        amy.password_hash = hash_password("another long password")
        open_session(session, session.get_one(User, "demo-operator"), days=1, user_agent="", address="")
    closed = demo_in_production.test_cli_runner().invoke(args=["demo", "close"])
    assert closed.stdout == "Closed: ada@example.com, olu@example.com.\n"
    with unit_of_work() as session:
        assert session.get_one(User, "demo-ada").password_hash is None
        assert (
            session.scalar(select(func.count()).select_from(AuthSession).where(AuthSession.revoked_at.is_(None))) == 0
        )
    assert may_sign_in(demo_in_production, "amy@example.com", "another long password")
    again = demo_in_production.test_cli_runner().invoke(args=["demo", "close"])
    assert again.stdout == "No sign-in of the demo is open.\n"
