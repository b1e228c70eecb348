"""What goes wrong in a programme, so that the consoles have something to show and to mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO

from rq import Queue
from rq.job import Job
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.imports.staging import stage_import
from portal.jobs.models import JobRun, RunStatus
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.notifications.models import Message, MessageStatus
from portal.notifications.suppressions import suppress
from portal.orders.state import RefundInput
from portal.orders.unmatched import keep_unmatched
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import OutboxMessage
from portal.platform.queue import QueueName
from portal.platform.queue import client as redis_client
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.referrals.models import Channel, InviteStatus, ReferralInvite
from tests.factories.accounts import make_token
from tests.factories.loyalty import RULES
from tests.factories.orders import make_orders


@contextmanager
def make_troubles(session: Session) -> Iterator[list[str]]:
    """Add to the demo's data what it lacks: work given up, a failed run, messages, a suppression, an import, a token,
    orders in every state.

    Gives the pages that only these lead to; the queue job is gone afterwards.
    """
    now = clock.now()
    work = OutboxMessage(
        id=ids.new_id(), topic="tests", payload={}, status="dead", created_at=now, next_attempt_at=now, finished_at=now
    )
    message = Message(
        id=ids.new_id(),
        dedupe_key=f"outbox:{ids.encode(work.id)}",
        kind="tier_upgrade",
        channel="email",
        user_id="demo-ada",
        status=MessageStatus.FAILED,
        created_at=now,
        updated_at=now,
    )
    run = JobRun(
        job_id="nightly_purge",
        slot=now - timedelta(days=1),
        status=RunStatus.FAILED,
        next_attempt_at=now,
        started_at=now,
        finished_at=now,
    )
    invite = session.scalars(select(ReferralInvite).where(ReferralInvite.status == InviteStatus.SENT)).first()
    assert invite is not None
    invite.channel, invite.invitee_email = Channel.EMAIL, "friend@example.com"
    preview = Message(
        id=ids.new_id(),
        dedupe_key="preview",
        kind="tier_upgrade",
        channel="email",
        backend="preview",
        user_id="demo-ada",
        status=MessageStatus.SENT,
        recipient="ada@example.com",
        subject="Gold",
        body_text="You are gold.",
        body_html="<p>You are gold.</p>",
        created_at=now,
        updated_at=now,
        sent_at=now,
    )
    session.add_all([work, message, run, preview])
    session.flush()
    converted = session.scalars(select(ReferralInvite.id).where(ReferralInvite.status == "converted")).first()
    assert converted is not None
    waits = select(Redemption.id).where(Redemption.status == RedemptionStatus.REQUESTED).order_by(Redemption.id)
    alone, *many = map(ids.encode, session.scalars(waits))
    handed_over = session.scalars(select(Redemption.id).where(Redemption.status == RedemptionStatus.FULFILLED)).first()
    assert handed_over is not None
    chosen = "&".join(f"ids={key}" for key in many)
    given = select(LedgerEntry.id).join(Member, Member.id == LedgerEntry.member_id).order_by(LedgerEntry.seq.desc())
    mistake = session.scalars(
        given.where(Member.user_id == "demo-ada", LedgerEntry.entry_type == "adjustment", LedgerEntry.amount > 0)
    ).first()
    assert mistake is not None
    inviter = session.get_one(Member, invite.member_id).user_id
    make_token(session, "member", name="storefront")
    suppress(session, "email", "no-more@example.com", reason="asked by phone", now=now)
    file = BytesIO(b"user_id,email,name,points\nwalked,walked@example.com,Walked,50\n")
    stage_import(session, file, "walked.csv", Act("user:demo-admin", now), over_staff=False, most=10, rules=RULES)
    make_orders(session, "demo-ada")
    keep_unmatched(session, "T-NONE", RefundInput(refund_id="t", amount=1), now)
    queue = Queue(QueueName.SWEEPS.value, connection=redis_client())
    job = Job.create("builtins.print", connection=redis_client())
    job.save()
    queue.failed_job_registry.add(job, -1)
    yield [
        f"/admin/redemptions/bulk/fulfil?{chosen}",
        f"/admin/redemptions/{alone}/fulfil",
        f"/admin/members/demo-ada/ledger/{ids.encode(mistake)}/take-back",
        f"/admin/redemptions/{ids.encode(handed_over)}/refund",
        f"/admin/members/demo-ada/messages/{ids.encode(message.id)}/resend",
        f"/admin/members/{inviter}/referrals/{ids.encode(invite.id)}/resend",
        f"/admin/referrals/{ids.encode(invite.id)}/cancel",
        f"/admin/referrals/{ids.encode(converted)}/void",
        "/admin/orders/T-PAID",
        "/admin/orders/T-PAID/release",
        "/admin/orders/T-NOBODY/claim",
        "/admin/unmatched-refunds/T-NONE/t/forget",
        f"/admin/operations/failed/{ids.encode(work.id)}/retry",
        f"/admin/operations/queues/sweeps/{job.id}/drop",
        f"/admin/operations/runs/nightly_purge/{run.slot:%Y%m%dT%H%M%S%f}",
        f"/admin/operations/runs/nightly_purge/{run.slot:%Y%m%dT%H%M%S%f}/retry",
    ]
    queue.failed_job_registry.remove(job, delete_job=True)
