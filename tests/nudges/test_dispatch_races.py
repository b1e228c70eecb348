"""Many dispatchers over the same members: nobody is over a cap, nobody gets two."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import insert, text

from portal.accounts.models import NotificationPreferences, User
from portal.members.models import Member
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import dispatch_batch
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.nudges.people import DAY

MEMBERS, DISPATCHERS = 500, 8
_CAUSES = (
    """
    WITH earned AS (
        INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after,
            qualifying, qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
        SELECT id, 1, new_ulid(:now), :now, 'order', 50, 50, 50, :now, :now, 1, '{}', 'order', '1', 'earn'
        FROM loyalty_members
        RETURNING member_id, id, occurred_at)
    INSERT INTO loyalty_point_expirations (member_id, id, seq, points, remaining, opened_at, expires_at)
    SELECT member_id, id, 1, 50, 50, occurred_at, CAST(:now AS timestamptz) + interval '10 days' FROM earned
    """,
    """
    INSERT INTO loyalty_checkout_intents (member_id, id, checkout_intent_id, kind, status, order_reference, points,
        created_at, expires_at)
    SELECT m.id, new_ulid(:now), k.kind || m.id, k.kind, 'pending', 'A-1', k.points, :now,
           CAST(:now AS timestamptz) + interval '10 days'
    FROM loyalty_members m CROSS JOIN (VALUES ('redemption', 20), ('referral_share', NULL)) AS k(kind, points)
    """,
)


def people(count: int) -> None:
    """Members with points that expire, something left at a checkout and a friend to tell."""
    now = clock.now()
    users = [
        {
            "id": f"u{n}",
            "email": f"u{n}@example.com",
            "email_normalized": f"u{n}@example.com",
            "name": f"User {n}",
            "email_verified_at": now,
            "role": "member",
            "created_at": now,
            "updated_at": now,
        }
        for n in range(count)
    ]
    with unit_of_work() as session:
        session.execute(insert(User), users)
        session.execute(
            insert(NotificationPreferences),
            [{"user_id": u["id"], "marketing_messages": True, "muted_kinds": [], "updated_at": now} for u in users],
        )
        session.execute(
            insert(Member),
            [
                {
                    "id": ids.new_id(),
                    "user_id": u["id"],
                    "referral_code": f"C{n}",
                    "joined_at": now,
                    "balance": 50,
                    "lifetime_earned": 50,
                    "last_seq": 1,
                }
                for n, u in enumerate(users)
            ],
        )
        for statement in _CAUSES:
            session.execute(text(statement), {"now": now})


def sent_since(moment: object) -> Counter[object]:
    """How much was sent to each member since then."""
    with unit_of_work() as session:
        found = session.execute(
            text("SELECT member_id FROM loyalty_nudge_dispatch_events WHERE status = 'sent' AND sent_at >= :at"),
            {"at": moment},
        )
        return Counter(row.member_id for row in found)


def work(_: int) -> int:
    """One dispatcher, until nothing is due."""
    sent = 0
    while (figures := dispatch_batch(limit=50)) is not None:
        assert not figures["failed"] + figures["uncertain"] + figures["deferred"]
        sent += figures["sent"]
    return sent


def at_once_on(app: Portal, moment: datetime) -> int:
    def dispatcher(number: int) -> int:
        with clock.at(moment):
            return work(number)

    return sum(at_once(app, DISPATCHERS, dispatcher))


def test_eight_dispatchers_over_five_hundred_members_and_three_campaigns_keep_every_cap(committed_app: Portal) -> None:
    day = clock.now().replace(hour=12, minute=0)
    with committed_app.app_context(), clock.at(day):
        people(MEMBERS)
        with unit_of_work() as session:
            assert aggregate_nudge_candidates(session, clock.now()).figures["made"] == 3 * MEMBERS
    assert at_once_on(committed_app, day) == 2 * MEMBERS
    with committed_app.app_context():
        assert set(sent_since(day).values()) == {2}, "the programme's daily cap"
        assert len(sent_since(day)) == MEMBERS
    assert at_once_on(committed_app, day + DAY) == MEMBERS, "the third campaign's"
    assert at_once_on(committed_app, day + DAY + timedelta(minutes=1)) == 0, "each campaign's own cap"
    with committed_app.app_context(), unit_of_work() as session:
        twice = text("""
            SELECT count(*) FROM (
                SELECT FROM loyalty_nudge_dispatch_events WHERE status = 'sent'
                GROUP BY member_id, campaign_id HAVING count(*) > 1) t
        """)
        assert session.scalar(twice) == 0
        assert session.scalar(text("SELECT count(*) FROM messages WHERE status = 'sent'")) == 3 * MEMBERS
        assert session.scalar(text("SELECT count(DISTINCT dedupe_key) FROM messages")) == 3 * MEMBERS
