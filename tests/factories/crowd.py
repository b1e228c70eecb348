"""Enough of everything for three pages of two rows in each table of the consoles."""

from datetime import timedelta
from io import BytesIO

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.imports.staging import stage_import
from portal.jobs.models import JobRun, RunStatus
from portal.members.models import Member
from portal.notifications.models import Message, MessageStatus
from portal.notifications.suppressions import suppress
from portal.nudges.models import NudgeCampaign, NudgeDispatchEvent
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.models import OutboxMessage
from tests.factories.accounts import make_token, make_user, sign_in
from tests.factories.loyalty import RULES, make_reward, make_tier, request_reward
from tests.factories.referrals import make_invite, rules

MANY = 6
WHOM = "demo-ada"


def make_crowd(session: Session) -> None:
    """Add to the demo's data `MANY` of what it has few of, of one member and of the programme."""
    member = session.scalars(select(Member).where(Member.user_id == WHOM)).one()
    campaign = session.scalars(select(NudgeCampaign)).first()
    assert campaign is not None
    make_reward(session, "sticker", 1)
    for number in range(MANY):
        _add_work(session, number)
        _add_to_member(session, member, campaign, number)
        _add_to_programme(session, campaign, number)
    session.flush()


def _add_work(session: Session, number: int) -> None:
    now = clock.now()
    for status in ("dead", "pending"):
        later = now + timedelta(days=1, minutes=number)
        session.add(
            OutboxMessage(
                id=ids.new_id(),
                topic="tests",
                payload={"number": number},
                status=status,
                created_at=now,
                next_attempt_at=later,
                finished_at=now if status == "dead" else None,
            )
        )
    slot = now - timedelta(days=2, minutes=number)
    session.add(
        JobRun(
            job_id="nightly_purge",
            slot=slot,
            status=RunStatus.SUCCEEDED,
            next_attempt_at=slot,
            started_at=slot,
            finished_at=slot,
        )
    )


def _add_to_member(session: Session, member: Member, campaign: NudgeCampaign, number: int) -> None:
    now = clock.now()
    made = ids.new_id()
    session.add(
        Message(
            id=made,
            dedupe_key=f"crowd:{number}",
            kind="tier_upgrade",
            channel="email",
            backend="preview",
            user_id=member.user_id,
            status=MessageStatus.SENT,
            recipient="ada@example.com",
            subject=f"Gold {number}",
            body_text="You are gold.",
            created_at=now - timedelta(minutes=number),
            updated_at=now,
            sent_at=now,
        )
    )
    session.add(
        NudgeDispatchEvent(
            member_id=member.id,
            id=ids.new_id(),
            nudge_id=ids.new_id(),
            campaign_id=campaign.id,
            dedupe_key=f"crowd:{number}",
            status="suppressed",
            reason="quiet_hours",
            created_at=now,
        )
    )
    sign_in(current_app.test_client(), session.get_one(User, member.user_id))
    audit.record(session, Act("cli", now), action="user.put", object_type="user", object_id=member.user_id)
    make_invite(session, member, under=rules(max_active=1_000))
    request_reward(session, member, "sticker")


def _add_to_programme(session: Session, campaign: NudgeCampaign, number: int) -> None:
    now = clock.now()
    make_token(session, "member", name=f"service-{number}")
    make_tier(session, f"further-{number}", 50_000 + number)
    suppress(session, "email", f"no-{number}@example.com", reason="operator", now=now)
    staff = make_user(session, id=f"staff-{number}", email=f"staff-{number}@example.com", role="operator")
    sign_in(current_app.test_client(), staff)
    session.add(
        NudgeCampaign(
            id=ids.new_id(),
            slug=f"further-{number}",
            signal=campaign.signal,
            active=False,
            priority=number,
            channels=["email"],
            ttl_hours=24 + number,
            frequency_cap_hours=1,
            created_at=now,
            updated_at=now,
        )
    )
    lines = [f"crowd-{number}-{line},crowd-{number}-{line}@example.com,Walked,5" for line in range(MANY)]
    file = BytesIO("\n".join(["user_id,email,name,points", *lines, ""]).encode())
    stage_import(
        session, file, f"crowd-{number}.csv", Act("user:demo-admin", now), over_staff=False, most=10, rules=RULES
    )
