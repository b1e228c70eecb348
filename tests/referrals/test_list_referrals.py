"""GET /referrals and POST /referrals/{id}/cancel."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform import clock, ids
from portal.referrals.models import ReferralActivity, ReferralInvite
from portal.referrals.standing import expire_invites
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, complete, make_invite

PATH = "/api/v1/loyalty/referrals"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


def cancel(client: FlaskClient, token: str, user_id: str, invite: ReferralInvite) -> Any:
    return client.post(f"{PATH}/{ids.encode(invite.id)}/cancel", headers=bearer(token, user_id))


def test_a_user_who_never_invited_has_an_empty_list_and_a_whole_quota(
    client: FlaskClient, session: Session, token: str
) -> None:
    answer = client.get(PATH, headers=bearer(token, make_user(session).id))
    assert answer.get_json() == {
        "referrals": [],
        "quota": {"max": 10, "active": 0, "remaining": 10, "cooldownSeconds": 60, "nextInviteAt": None},
        "nextCursor": None,
    }


def test_a_walk_repeats_nothing_and_skips_nothing_while_invites_are_made(
    client: FlaskClient, session: Session, token: str
) -> None:
    member = make_member(session)
    made = [ids.encode(make_invite(session, member).id) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"{PATH}?limit=2{cursor}", headers=bearer(token, member.user_id)).get_json()
        seen += [invite["id"] for invite in page["referrals"]]
        cursor = page["nextCursor"] and f"&cursor={page['nextCursor']}"
        make_invite(session, member)
    assert seen == made[::-1]


def test_a_cursor_of_another_member_or_list_is_refused(client: FlaskClient, session: Session, token: str) -> None:
    member, other = make_member(session), make_user(session)
    for _ in range(2):
        make_invite(session, member)
    page = client.get(f"{PATH}?limit=1", headers=bearer(token, member.user_id)).get_json()
    for path, user_id in ((PATH, other.id), (f"{PATH}/conversions", member.user_id)):
        answer = client.get(f"{path}?cursor={page['nextCursor']}", headers=bearer(token, user_id))
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_cursor")


def test_an_invite_past_its_date_shows_as_expired_before_and_after_the_sweep(
    client: FlaskClient, session: Session, token: str
) -> None:
    member = make_member(session)
    make_invite(session, member, at=clock.now() - 90 * DAY)
    make_invite(session, member)
    for closed in (1, 0):
        page = client.get(PATH, headers=bearer(token, member.user_id)).get_json()
        assert [invite["status"] for invite in page["referrals"]] == ["sent", "expired"]
        assert page["quota"]["active"] == 1
        assert expire_invites(session, clock.now()) == closed
    assert session.get_one(ReferralActivity, member.id).open_invites == 1


def test_cancelling_closes_the_invite_and_keeps_what_is_known(
    client: FlaskClient, session: Session, token: str
) -> None:
    member = make_member(session)
    invite = make_invite(session, member, name="Grace")
    answer = cancel(client, token, member.user_id, invite)
    assert answer.status_code == 200
    assert (answer.get_json()["status"], answer.get_json()["inviteeName"]) == ("cancelled", "Grace")
    assert answer.get_json()["cancelledAt"]
    assert cancel(client, token, member.user_id, invite).get_json() == answer.get_json()
    assert session.get_one(ReferralActivity, member.id).open_invites == 0
    counts = client.get(f"{PATH}/conversions", headers=bearer(token, member.user_id)).get_json()["invites"]
    assert (counts["cancelled"], counts["total"]) == (1, 1)


def test_a_closed_invite_cannot_be_cancelled(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session)
    converted, expired = make_invite(session, member), make_invite(session, member, at=clock.now() - 90 * DAY)
    complete(session, converted.code, make_user(session).id)
    for invite, status in ((converted, "converted"), (expired, "expired")):
        answer = cancel(client, token, member.user_id, invite)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "referral_not_cancellable")
        assert (answer.get_json()["status"], answer.get_json()["currentStatus"]) == (409, status)


def test_another_members_invite_is_not_found(client: FlaskClient, session: Session, token: str) -> None:
    member, stranger = make_member(session), make_member(session)
    invite = make_invite(session, member)
    assert cancel(client, token, stranger.user_id, invite).get_json()["code"] == "referral_not_found"
    for bad in ("nonsense", ids.encode(ids.new_id())):
        answer = client.post(f"{PATH}/{bad}/cancel", headers=bearer(token, member.user_id))
        assert (answer.status_code, answer.get_json()["code"]) == (404, "referral_not_found")


def test_strangers_and_bad_queries_are_refused(client: FlaskClient, session: Session, token: str) -> None:
    assert client.get(PATH).status_code == 401
    assert client.get(PATH, headers=bearer(token, "nobody")).get_json()["code"] == "user_not_found"
    for query in ("limit=0", "limit=101", "surprise=1"):
        assert client.get(f"{PATH}?{query}", headers=bearer(token, make_user(session).id)).status_code == 422


def test_an_unchanged_list_is_not_sent_again(client: FlaskClient, session: Session, token: str) -> None:
    headers = bearer(token, make_user(session).id)
    etag = client.get(PATH, headers=headers).headers["ETag"]
    assert client.get(PATH, headers={**headers, "If-None-Match": etag}).status_code == 304
