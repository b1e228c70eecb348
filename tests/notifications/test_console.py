"""The console of messages: what was sent, what was not and why, the preview inbox and the suppression list."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.notifications.models import Message
from portal.notifications.suppressions import hash_address, is_suppressed, suppress
from portal.notifications.web.labels import REASONS
from portal.nudges.models import NudgeDispatchEvent
from portal.platform import clock, ids
from portal.platform.models import AuditEntry
from portal.platform.web.handbook import FOLDER
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.statements import counted

MESSAGES = "/admin/messages"
SUPPRESSIONS = f"{MESSAGES}/suppressions"
ROW = 'data-testid="row"'
EVIL = '<h1>Hello</h1><script>alert(1)</script><img src="https://tracker.example/pixel.png">'


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def make_message(session: Session, **fields: object) -> Message:
    now, key = clock.now(), ids.new_id()
    values = {
        "id": key,
        "dedupe_key": str(key),
        "kind": "tier_upgrade",
        "channel": "email",
        "backend": None,
        "status": "suppressed",
        "reason": "marketing_off",
        "created_at": now,
        "updated_at": now,
        **fields,
    }
    row = Message(**values)
    session.add(row)
    session.flush()
    return row


@pytest.fixture
def previewed(session: Session) -> Message:
    """A mail that the preview inbox took."""
    return make_message(
        session,
        status="sent",
        reason="",
        backend="preview",
        recipient="ada@example.com",
        subject="Gold, Ada!",
        body_text="You are gold.",
        body_html=EVIL,
        sent_at=clock.now(),
    )


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data=form).status_code


@pytest.mark.usefixtures("previewed")
@pytest.mark.parametrize("path", ["", "/nudges", "/preview", "/suppressions", "/suppressions/add"])
def test_a_page_sends_at_most_eight_statements(operator: FlaskClient, session: Session, path: str) -> None:
    with counted(session) as sent:
        assert operator.get(MESSAGES + path).status_code == 200
    assert len(sent) <= 8, sent


def test_messages_are_filtered_and_their_reasons_are_words(operator: FlaskClient, session: Session) -> None:
    ada = make_user(session, id="ada")
    make_message(session, user_id=ada.id)
    make_message(session, status="failed", reason="550 no such mailbox", kind="password_reset")
    page = operator.get(MESSAGES).text
    assert "The member does not want marketing messages" in page
    assert "550 no such mailbox" in page
    today = f"{clock.now():%Y-%m-%d}"
    for query, rows in {
        "member=ada": 1,
        "status=failed": 1,
        "kind=password_reset": 1,
        "reason=marketing_off": 1,
        "channel=sms": 0,
        f"since={today}&until={today}": 2,
        "until=2020-01-01": 0,
    }.items():
        assert operator.get(f"{MESSAGES}?{query}").text.count(ROW) == rows, query
    assert len(operator.get(f"{MESSAGES}?format=csv").text.splitlines()) == 3


def test_every_reason_that_the_documentation_names_has_words() -> None:
    documented = re.search(
        r"a row in `messages` with its reason: (.*?)\.\n", (FOLDER / "messages.md").read_text(), re.S
    )
    assert documented is not None
    assert set(re.findall(r"`(\w+)`", documented[1])) <= REASONS.keys()


@pytest.mark.parametrize("query", ["status=lost", "since=yesterday", "reason=why", "sort=reason"])
def test_messages_refuse_what_there_is_not(operator: FlaskClient, query: str) -> None:
    assert operator.get(f"{MESSAGES}?{query}").status_code == 422


def test_dispatches_of_nudges_are_filtered_and_their_reasons_are_words(operator: FlaskClient, session: Session) -> None:
    ada = make_member(session, make_user(session, id="ada"))
    for status, reason in (("suppressed", "no_consent"), ("deferred", "quiet_hours")):
        key = ids.new_id()
        session.add(
            NudgeDispatchEvent(
                member_id=ada.id,
                id=key,
                nudge_id=ids.new_id(),
                status=status,
                reason=reason,
                dedupe_key=str(key),
                created_at=clock.now(),
            )
        )
    session.flush()
    page = operator.get(f"{MESSAGES}/nudges").text
    assert page.count(ROW) == 2
    assert "quiet hours" in page
    assert operator.get(f"{MESSAGES}/nudges?status=suppressed&member=ada").text.count(ROW) == 1
    assert operator.get(f"{MESSAGES}/nudges?reason=daily_cap").text.count(ROW) == 0
    theirs = operator.get("/admin/members/ada/nudges").text
    assert theirs.count(ROW) == 2
    assert "quiet hours" in theirs
    assert "quiet_hours" not in theirs
    assert len(operator.get(f"{MESSAGES}/nudges?format=csv").text.splitlines()) == 3


def test_the_inbox_opens_a_message_without_running_it(operator: FlaskClient, previewed: Message) -> None:
    path = f"{MESSAGES}/preview/{ids.encode(previewed.id)}"
    assert operator.get(f"{MESSAGES}/preview").text.count(ROW) == 1
    page = operator.get(path).text
    assert "You are gold." in page
    assert "<script>alert" not in page
    assert 'sandbox=""' in page
    frame = operator.get(f"{path}/html")
    assert frame.text == EVIL
    policy = frame.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1
    for rule in ("default-src 'none'", "img-src data:", "frame-ancestors 'self'", "sandbox"):
        assert rule in policy[0]
    assert "script-src" not in policy[0]
    assert frame.headers.getlist("X-Frame-Options") == ["SAMEORIGIN"]
    assert frame.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("kind", ["password_reset", "account_notice"])
def test_a_message_about_how_somebody_signs_in_is_for_admins(
    operator: FlaskClient, session: Session, previewed: Message, kind: str
) -> None:
    previewed.kind = kind
    session.flush()
    path = f"{MESSAGES}/preview/{ids.encode(previewed.id)}"
    assert operator.get(path).status_code == 403
    assert operator.get(f"{path}/html").status_code == 403
    sign_in(operator, make_user(session, role="admin"))
    assert operator.get(f"{path}/html").status_code == 200


def test_only_messages_of_the_inbox_are_opened(operator: FlaskClient, session: Session) -> None:
    other = make_message(session)
    for key in (ids.encode(other.id), ids.encode(ids.new_id()), "nonsense"):
        assert operator.get(f"{MESSAGES}/preview/{key}").status_code == 404
        assert operator.get(f"{MESSAGES}/preview/{key}/html").status_code == 404


def test_an_address_is_added_with_a_reason_and_found_by_any_spelling(operator: FlaskClient, session: Session) -> None:
    add = f"{SUPPRESSIONS}/add"
    assert post(operator, add, channel="email", address="no address", reason="asked") == 422
    assert post(operator, add, channel="sms", address="123", reason="asked") == 422
    assert post(operator, add, channel="email", address="Bob.Smith+x@gmail.com", reason="") == 422
    assert post(operator, add, channel="email", address="Bob.Smith+x@gmail.com", reason="asked by phone") == 303
    assert is_suppressed(session, "email", "bobsmith@googlemail.com")
    assert operator.get(f"{SUPPRESSIONS}?address=bobsmith@gmail.com").text.count(ROW) == 1
    assert operator.get(f"{SUPPRESSIONS}?address=eve@gmail.com").text.count(ROW) == 0
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.add")).one()
    assert (entry.actor, entry.reason) == ("user:olu", "asked by phone")
    assert "smith" not in str((entry.object_id, entry.after)).lower()


def test_an_address_is_removed_with_a_reason(operator: FlaskClient, session: Session) -> None:
    suppress(session, "sms", "+491701234567", reason="unsubscribed", now=clock.now())
    key = hash_address("sms", "+491701234567").hex()
    path = f"{SUPPRESSIONS}/sms/{key}/remove"
    assert "Unsubscribed by a link" in operator.get(SUPPRESSIONS).text
    assert post(operator, path, reason="") == 422
    assert post(operator, path, reason="wants them again") == 303
    assert post(operator, path, reason="again") == 409
    assert post(operator, f"{SUPPRESSIONS}/sms/zz/remove", reason="again") == 409
    assert session.scalar(text("SELECT count(*) FROM message_suppressions")) == 0
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.remove")).one()
    assert entry.before == {"channel": "sms", "reason": "unsubscribed"}


def test_the_suppression_list_is_exported(operator: FlaskClient, session: Session) -> None:
    suppress(session, "email", "a@example.com", reason="unsubscribed", now=clock.now())
    assert len(operator.get(f"{SUPPRESSIONS}?format=csv").text.splitlines()) == 2
