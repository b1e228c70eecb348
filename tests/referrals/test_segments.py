"""GET /referrals/segments (CONTRACT rule 14)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.referrals.segments import get_segment_of, get_segments
from portal.referrals.standing import cancel_invite
from portal.referrals.web.segment_cache import SegmentCache
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, complete, make_invite

PATH = "/api/v1/loyalty/referrals/segments"
NOON = clock.now()


def invited(session: Session, ago: timedelta, *, cancelled: bool = False) -> Member:
    """A member whose only invite was made that long before noon."""
    member = make_member(session)
    invite = make_invite(session, member, at=NOON - ago)
    if cancelled:
        cancel_invite(session, invite.id, Act("user:x", NOON))
    return member


def counts() -> dict[str, int]:
    return {s["segment"]: s["members"] for s in get_segments(NOON)}


@pytest.mark.parametrize(
    ("ago", "cancelled", "segment"),
    [
        (timedelta(0), False, "active"),
        (14 * DAY, False, "active"),
        (14 * DAY, True, "active"),
        (15 * DAY, False, "stalled"),
        (15 * DAY, True, None),
        (45 * DAY, False, "stalled"),
        (46 * DAY, False, "at_risk"),
        (46 * DAY, True, "at_risk"),
    ],
)
def test_the_last_activity_and_open_invites_place_a_member(
    session: Session, ago: timedelta, cancelled: bool, segment: str | None
) -> None:
    member = invited(session, ago, cancelled=cancelled)
    assert get_segment_of(member.user_id, NOON) == segment
    assert counts() == {"active": 0, "stalled": 0, "at_risk": 0} | ({segment: 1} if segment else {})


def test_a_conversion_is_activity_of_who_invited_alone(session: Session) -> None:
    member, friend = make_member(session), make_user(session)
    invite = make_invite(session, member, at=NOON - 60 * DAY)
    complete(session, invite.code, friend.id, at=NOON)
    assert get_segment_of(member.user_id, NOON) == "active"
    assert get_segment_of(friend.id, NOON) is None


def test_figures_are_per_member_and_week_over_four_weeks(session: Session) -> None:
    for _ in range(2):
        member = make_member(session)
        for days in (2, 20, 27, 29):
            invite = make_invite(session, member, at=NOON - days * DAY)
        complete(session, invite.code, make_user(session).id, at=NOON - 10 * DAY)
    invited(session, 20 * DAY)
    active, stalled, at_risk = get_segments(NOON)
    assert active == {
        "segment": "active",
        "members": 2,
        "share": 0.6667,
        "inviteVelocity": 0.75,
        "conversionVelocity": 0.25,
        "averageDaysSinceActivity": 2.0,
    }
    assert (stalled["inviteVelocity"], stalled["share"], stalled["averageDaysSinceActivity"]) == (0.25, 0.3333, 20.0)
    assert at_risk == {
        "segment": "at_risk",
        "members": 0,
        "share": 0.0,
        "inviteVelocity": 0.0,
        "conversionVelocity": 0.0,
        "averageDaysSinceActivity": None,
    }


def test_any_principal_reads_figures_without_personal_data(client: FlaskClient, session: Session) -> None:
    member = make_member(session)
    make_invite(session, member, at=clock.now(), name="Grace")
    token = make_token(session, "member")
    answer = client.get(PATH, headers=bearer(token, member.user_id))
    document = answer.get_json()
    assert answer.status_code == 200
    assert set(document) == {"asOf", "segments", "definitions", "mySegment"}
    assert [figures["segment"] for figures in document["segments"]] == ["active", "stalled", "at_risk"]
    assert set(document["definitions"]) >= {"active", "stalled", "at_risk"}
    assert document["mySegment"] == "active"
    assert "Grace" not in answer.get_data(as_text=True)
    checkout = bearer(make_token(session, "checkout"), member.user_id)
    assert client.get(PATH, headers=checkout).get_json()["mySegment"] is None
    assert client.get(PATH).status_code == 401
    sign_in(client, make_user(session))
    assert client.get(PATH).get_json()["mySegment"] is None


def test_an_unchanged_answer_is_not_sent_again(client: FlaskClient, session: Session) -> None:
    headers = bearer(make_token(session, "member"))
    with time_machine.travel(NOON.replace(second=10)):
        etag = client.get(PATH, headers=headers).headers["ETag"]
    with time_machine.travel(NOON.replace(second=50)):
        assert client.get(PATH, headers={**headers, "If-None-Match": etag}).status_code == 304


def test_figures_that_took_long_are_kept_for_as_long_as_they_cost() -> None:
    asked: list[int] = []

    def count(_: datetime) -> list[dict[str, Any]]:
        asked.append(len(asked))
        return [{"n": len(asked)}]

    seconds = iter([0.0, 0.001, 0.0, 2.0, 0.0, 2.0])
    kept = SegmentCache(count, lambda: next(seconds))
    quick, slow = kept.get(NOON)[0], kept.get(NOON)[0]
    assert quick != slow
    assert kept.get(NOON + timedelta(seconds=39)) == (slow, NOON.replace(second=0, microsecond=0))
    assert kept.get(NOON + timedelta(seconds=41))[0] != slow
    assert len(asked) == 3
