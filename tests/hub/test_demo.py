"""Demo data: a shop with a year behind it, made through the services."""

from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from portal.checkout.models import CheckoutIntent
from portal.core.db import unit_of_work
from portal.core.edge import Portal
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.notifications.models import Message
from portal.nudges.models import Nudge
from portal.nudges.signals import SIGNALS
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.rewards.models import Reward
from portal.tiers.models import Tier
from tests import databases


def test_the_demo_shop_has_every_state_and_a_clean_ledger(committed_app: Portal) -> None:
    runner: FlaskCliRunner = committed_app.test_cli_runner()
    loaded = runner.invoke(args=["demo", "load"])
    assert loaded.exit_code == 0, loaded.output
    assert "ada@example.com" in loaded.output
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Member)) >= 40
        assert 3 <= (session.scalar(select(func.count()).select_from(Tier)) or 0) <= 5
        assert (session.scalar(select(func.count()).select_from(Reward)) or 0) >= 8
        assert set(session.scalars(select(Redemption.status).distinct())) == set(RedemptionStatus)
        waiting = set(session.scalars(select(CheckoutIntent.kind).where(CheckoutIntent.status == "pending")))
        assert waiting == {"redemption", "referral_share"}
        assert set(session.scalars(select(Nudge.signal).distinct())) == set(SIGNALS)
        sent = session.scalars(select(Message.backend).where(Message.kind == "nudge", Message.status == "sent")).all()
        assert set(sent) == {"preview"}
        kinds = set(session.scalars(select(LedgerEntry.entry_type).distinct()))
        assert {"order", "adjustment", "redemption", "expiration"} <= kinds
        first, last = session.execute(
            select(func.min(LedgerEntry.occurred_at), func.max(LedgerEntry.occurred_at))
        ).one()
        assert (last - first).days > 365
        assert find_differences(session) == []
    again = runner.invoke(args=["demo", "load"])
    assert again.exit_code == 1
    assert "empty" in again.output


def test_production_gets_no_sign_ins_with_a_known_password(servers: databases.Servers, app: Portal) -> None:
    production = databases.make_app(servers, servers.url(servers.name("main")), portal_env="production")
    refused = production.test_cli_runner().invoke(args=["demo", "load"])
    assert (refused.exit_code, "not for production" in refused.output) == (1, True)
