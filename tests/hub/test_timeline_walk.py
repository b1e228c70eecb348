"""A walk of a long timeline while the shop goes on working."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import EntryType
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.referrals.models import ReferralInvite
from portal.referrals.standing import cancel_invite
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member
from tests.factories.referrals import make_invite, rules

HOLDS, MANY = HoldRules(timedelta(days=30)), rules(max_active=100_000)
EACH, EVERY = 1_666, 0.02

# Four events of each kind share every moment, so that ties span pages; the newest are of this minute.
_REDEMPTIONS = text("""
    INSERT INTO loyalty_redemptions (member_id, id, status, description, points, requested_at, hold_expires_at,
        closed_at, failure_reason, requested_by)
    SELECT :member_id, new_ulid(:now), 'cancelled', 'Gift wrap', 5, at, at, at, 'hold_expired', 'test'
    FROM (SELECT CAST(:now AS timestamptz) - make_interval(mins => n / 4) AS at FROM generate_series(1, :each) n) times
""")
_INVITES = text("""
    INSERT INTO loyalty_referral_invites (member_id, id, code, status, channel, created_at, expires_at)
    SELECT :member_id, new_ulid(:now), 'OLD' || n, 'expired', 'link', at, at
    FROM (SELECT n, CAST(:now AS timestamptz) - make_interval(mins => n / 4) AS at
          FROM generate_series(1, :each) n) times
""")


def fill(session: Session, member: Member) -> None:
    """Nearly 5,000 events, those of the ledger posted in an order that is not that of their times."""
    now = clock.now()
    postings = [
        ledger.credit(
            member.id,
            10,
            EntryType.ORDER,
            source="old",
            external_id=str(number),
            rules=RULES,
            at=now - timedelta(minutes=(number * 7 % EACH) // 4),
        )
        for number in range(EACH)
    ]
    ledger.post(session, postings, now)
    for statement in (_REDEMPTIONS, _INVITES):
        session.execute(statement, {"member_id": member.id, "now": now, "each": EACH})


def redeem(session: Session, user_id: str, minutes: int = 0) -> Redemption:
    wish = redemptions.Wish(points=1, description="Gift wrap")
    at = clock.now() - timedelta(minutes=minutes)
    return redemptions.reserve_points(session, user_id, wish, Act("test", at), rules=HOLDS)


def write(app: Portal, member_id: Any, turn: int, opened: list[tuple[Any, Any]]) -> None:
    """The next event: each kind in turn, some of them backdated; now and then an old one changes its status."""
    with app.app_context(), unit_of_work() as session:
        member, now = session.get_one(Member, member_id), clock.now()
        if turn % 3 == 0:
            earn(session, member, 10, at=now - timedelta(hours=turn % 4))
        elif turn % 3 == 1:
            redeem(session, member.user_id, turn % 200)
        else:
            make_invite(session, member, at=now - timedelta(minutes=turn % 300), under=MANY)
        if turn % 10 == 0 and opened:
            redemption_id, invite_id = opened.pop()
            redemptions.release_redemption(
                session, redemption_id, RedemptionStatus.FAILED, Act("test", now, "Sold out")
            )
            cancel_invite(session, invite_id, Act("test", now))


@contextmanager
def writing(app: Portal, member_id: Any, opened: list[tuple[Any, Any]]) -> Iterator[list[int]]:
    """A writer beside the block, with an event every 20 ms; what it has done is counted."""
    done, stop = [0], threading.Event()

    def work() -> None:
        while not stop.wait(EVERY):
            write(app, member_id, done[0], opened)
            done[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def test_every_old_event_comes_once_and_in_order_while_a_writer_adds_one_every_20_ms(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user = make_user(session)
        member = make_member(session, user, points=1_000)
        fill(session, member)
        for minutes in (0, 30, 60, 90, 120):
            at = clock.now() - timedelta(minutes=minutes)
            redeem(session, user.id, minutes)
            make_invite(session, member, at=at, under=MANY)
        still_open = session.query(Redemption.id).filter_by(status="requested").order_by(Redemption.id).all()
        invites = session.query(ReferralInvite.id).filter_by(status="sent").order_by(ReferralInvite.id).all()
        opened = [(left[0], right[0]) for left, right in zip(still_open, invites, strict=True)]
        user_id, member_id = user.id, member.id
    client = committed_app.test_client()
    with committed_app.app_context(), unit_of_work() as session:
        sign_in(client, session.get_one(User, user_id))

    def walk(limit: int, pause: float = 0) -> list[dict[str, Any]]:
        found, token = [], {}
        while True:
            page = client.get("/app/api/loyalty/timeline", query_string={"limit": limit, **token}).get_json()
            assert len(page["items"]) == limit or not page["hasMore"]
            found += page["items"]
            if not page["hasMore"]:
                return found
            token = {"cursorToken": page["cursorToken"]}
            time.sleep(pause)

    old = [(item["kind"], item["id"]) for item in walk(100)]
    assert len(old) == 3 * EACH + 11
    with writing(committed_app, member_id, opened) as written:
        seen = walk(20, pause=EVERY / 2)
    keys = [(item["kind"], item["id"]) for item in seen]
    known = set(old)
    assert len(set(keys)) == len(keys)
    assert [key for key in keys if key in known] == old
    times = [item["occurredAt"] for item in seen]
    assert times == sorted(times, reverse=True)
    assert written[0] > 50
    assert opened == []
    assert len(walk(100)) == len(old) + written[0]
