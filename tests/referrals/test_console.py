"""The console of referrals: operators find invites, review signals, and complete, cancel and issue with a reason."""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.models import AuditEntry
from portal.referrals.models import InviteStatus, ReferralInvite
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import RULES, make_member
from tests.factories.referrals import DAY, complete, make_invite, rules
from tests.statements import counted

PAGE = "/admin/referrals"
ROW = 'data-testid="row"'


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def invites(session: Session) -> list[ReferralInvite]:
    """Two invites of Ada and one of Bob; none is converted."""
    ada = make_member(session, make_user(session, id="ada", name="Ada", email="ada@shop.example"))
    bob = make_member(session, make_user(session, id="bob", name="=Bob"))
    emailed = make_invite(session, bob, channel="email", email="cy@example.org", name="Cy")
    return [make_invite(session, ada), make_invite(session, ada), emailed]


@pytest.fixture
def odd(session: Session, invites: list[ReferralInvite]) -> list[ReferralInvite]:
    """Ada's invites, converted for two friends from one browser."""
    for number, invite in enumerate(invites[:2]):
        invite.referee_device = "one-browser"
        session.flush()
        make_user(session, id=f"friend-{number}")
        complete(session, invite.code, f"friend-{number}")
    return invites[:2]


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data=form).status_code


def audited(session: Session, action: str) -> AuditEntry:
    return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


def path_of(invite: ReferralInvite) -> str:
    return f"{PAGE}/{ids.encode(invite.id)}"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", 3),
        ("find=ada", 2),
        ("find=ADA@shop.example", 2),
        ("find=cy@example.org", 1),
        ("find=nobody", 0),
        ("status=sent", 3),
        ("status=expired", 0),
        ("channel=email", 1),
    ],
)
@pytest.mark.usefixtures("invites")
def test_invites_are_found_by_either_side_and_filtered(operator: FlaskClient, query: str, rows: int) -> None:
    assert operator.get(f"{PAGE}?{query}").text.count(ROW) == rows


def test_an_invite_is_found_by_its_code_as_people_type_it(operator: FlaskClient, invites: list[ReferralInvite]) -> None:
    typed = f"{invites[0].code[:4].lower()}-{invites[0].code[4:]} "
    assert operator.get(PAGE, query_string={"find": typed}).text.count(ROW) == 1


def test_an_invite_past_its_date_counts_as_expired_before_the_sweep(
    operator: FlaskClient, session: Session, invites: list[ReferralInvite]
) -> None:
    invites[0].expires_at = invites[0].created_at
    session.flush()

    assert operator.get(f"{PAGE}?status=expired").text.count(ROW) == 1
    assert operator.get(f"{PAGE}?status=sent").text.count(ROW) == 2


def test_cancelling_needs_a_reason_and_is_kept_with_it(
    operator: FlaskClient, session: Session, invites: list[ReferralInvite]
) -> None:
    path = f"{path_of(invites[0])}/cancel"

    assert post(operator, path, reason=" ") == 422
    assert post(operator, path, reason="sent by mistake") == 303

    session.expire_all()
    entry = audited(session, "referral.cancel")
    assert invites[0].status == InviteStatus.CANCELLED
    assert (entry.actor, entry.reason) == ("user:olu", "sent by mistake")
    assert (entry.before, entry.after) == ({"status": "sent"}, {"status": "cancelled"})


def test_completing_credits_both_sides_once(
    operator: FlaskClient, session: Session, invites: list[ReferralInvite]
) -> None:
    make_user(session, id="dee")
    fields = {"code": invites[0].code, "referee_user_id": "dee", "order_reference": "A-17"}

    assert post(operator, f"{PAGE}/complete", **fields) == 422
    assert post(operator, f"{PAGE}/complete", **fields, reason="ordered by phone") == 303
    assert post(operator, f"{PAGE}/complete", **fields, reason="again") == 303
    assert post(operator, f"{PAGE}/complete", **{**fields, "order_reference": "A-18"}, reason="another") == 409

    entry = audited(session, "referral.complete")
    assert (entry.actor, entry.reason) == ("user:olu", "ordered by phone")
    page = operator.get(path_of(invites[0])).text
    assert "+500" in page
    assert "+100" in page
    assert "A-17" in page


def test_what_waits_is_shown_with_its_date_then_with_what_it_credited(
    operator: FlaskClient, session: Session, invites: list[ReferralInvite]
) -> None:
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    make_user(session, id="dee")
    with clock.at(at):
        invite = make_invite(session, session.get_one(Member, invites[0].member_id))
    complete(session, invite.code, "dee", at=at, under=rules(holding=14 * DAY))
    page = operator.get(path_of(invite)).text
    found = re.search(r"500 for the member and 100 for the friend,\s+due (.*?)</p>", page, re.DOTALL)
    assert found
    assert "2026-03-24T12:00" in found[1], found[1]
    assert ledger.activate_due(session, at + 14 * DAY, rules=RULES)
    page = operator.get(path_of(invite)).text
    assert ("+500" in page, "+100" in page, "for the friend," in page) == (True, True, False)
    table = operator.get("/admin/members/ada/referrals?format=csv").text
    assert [line.split(",").count("2026-03-24T12:00:00+00:00") for line in table.splitlines()[1:]] == [1, 0, 0]


def test_a_friend_whom_nobody_knows_is_told_so(operator: FlaskClient, invites: list[ReferralInvite]) -> None:
    fields = {"code": invites[0].code, "referee_user_id": "nobody", "reason": "try"}
    assert post(operator, f"{PAGE}/complete", **fields) == 409


def test_an_invite_is_issued_without_quota_and_with_a_reason(operator: FlaskClient, session: Session) -> None:
    make_user(session, id="eve")
    fields = {"user_id": "eve", "channel": "email", "invitee_email": "not an address"}

    assert post(operator, f"{PAGE}/issue", **fields, reason="asked in the shop") == 422
    for address in ("fay@example.org", "gus@example.org"):
        fields["invitee_email"] = address
        assert post(operator, f"{PAGE}/issue", **fields, reason="asked in the shop") == 303
    assert post(operator, f"{PAGE}/issue", **fields, reason="once more") == 409

    assert len(session.scalars(select(ReferralInvite)).all()) == 2
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "referral.issue")).all()
    assert {entry.reason for entry in entries} == {"asked in the shop"}


def test_signals_are_explained_and_reviewed_once(
    operator: FlaskClient, session: Session, odd: list[ReferralInvite]
) -> None:
    later = odd[1]
    assert operator.get(f"{PAGE}/signals?signal=device_reused&review=waiting").text.count(ROW) == 1
    page = operator.get(path_of(later)).text
    assert 'data-signal="device_reused"' in page
    assert odd[0].code in page

    assert post(operator, f"{path_of(later)}/review") == 422
    assert post(operator, f"{path_of(later)}/review", reason="a family") == 303
    assert post(operator, f"{path_of(later)}/review", reason="again") == 409

    entry = audited(session, "referral.review")
    assert (entry.actor, entry.reason) == ("user:olu", "a family")
    assert entry.after == {"reviewed": True, "signals": later.signals}
    assert operator.get(f"{PAGE}/signals?signal=device_reused&review=waiting").text.count(ROW) == 0
    assert "a family" in operator.get(path_of(later)).text


def test_the_exports_hold_every_row_and_no_formula(operator: FlaskClient, odd: list[ReferralInvite]) -> None:
    everything = operator.get(f"{PAGE}?format=csv")
    assert everything.mimetype == "text/csv"
    assert len(everything.text.splitlines()) == 4
    assert ",'=Bob," in everything.text
    assert len(operator.get(f"{PAGE}/signals?format=csv").text.splitlines()) == 1 + len([i for i in odd if i.signals])


def test_pages_send_at_most_eight_statements(
    operator: FlaskClient, session: Session, odd: list[ReferralInvite]
) -> None:
    for path in (PAGE, f"{PAGE}?find=ada", f"{PAGE}/signals", path_of(odd[1])):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, sent


def test_an_unknown_referral_is_not_found(operator: FlaskClient) -> None:
    unknown = ids.encode(ids.new_id())
    for path in (unknown, "nonsense", f"{unknown}/cancel", f"{unknown}/review"):
        assert operator.get(f"{PAGE}/{path}").status_code == 404
