"""Two operators who send the same thing again at the same moment."""

from sqlalchemy import func, select

from portal.desk.resend import resend_invite, resend_message
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.problems import Conflict
from portal.platform.web.application import Portal
from portal.referrals.invites import INVITE_TOPIC
from portal.referrals.models import Channel
from tests.concurrency import at_once
from tests.desk.test_members import make_message
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import REFERRAL_RULES, make_invite


def pending(app: Portal, topic: str) -> int:
    with app.app_context(), unit_of_work() as session:
        waiting = (OutboxMessage.topic == topic) & (OutboxMessage.status == "pending")
        return session.scalar(select(func.count()).where(waiting)) or 0


def test_a_message_is_sent_again_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_user(session, id="ada")
        message = ids.parse(make_message(session, "ada", "failed"))
    assert message is not None

    def resend(number: int) -> bool:
        try:
            with unit_of_work() as session:
                resend_message(session, "ada", message, Act(f"user:{number}", clock.now(), "they ask"))
        except Conflict:
            return False
        return True

    assert sum(at_once(committed_app, 6, resend)) == 1
    assert pending(committed_app, "password_reset") == 1


def test_an_invite_is_sent_again_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member = make_member(session, make_user(session, id="ada"))
        invite = make_invite(session, member, channel=Channel.EMAIL, email="friend@example.com").id
    before = pending(committed_app, INVITE_TOPIC)

    def resend(number: int) -> bool:
        try:
            with unit_of_work() as session:
                act = Act(f"user:{number}", clock.now(), "they ask")
                resend_invite(session, "ada", invite, act, rules=REFERRAL_RULES)
        except Conflict:
            return False
        return True

    assert sum(at_once(committed_app, 6, resend)) == 1
    assert pending(committed_app, INVITE_TOPIC) == before + 1
