"""What a request passes from HTTP to the commit: few enough files that a stranger can read them one after the other."""

import sys
from types import FrameType
from typing import Any

from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import make_invite

# In the order in which they are first passed.
PATH = [
    "platform/web/application.py",  # one transaction around the view
    "accounts/web/guards.py",  # who calls, and may they
    "platform/web/inputs.py",  # the body, validated
    "referrals/web/api.py",
    "referrals/rules.py",  # the settings, as values
    "ledger/rules.py",
    "referrals/converting/completion.py",  # the verb
    "referrals/codes.py",
    "tiers/qualification.py",  # the friend becomes a member
    "members/membership.py",
    "platform/outbox/messages.py",
    "referrals/converting/eligibility.py",
    "referrals/standing.py",
    "referrals/converting/fraud_signals.py",
    "platform/audit.py",
    "referrals/converting/credits.py",
    "ledger/posting.py",
    "referrals/reads.py",  # the answer
    "ledger/reads.py",
    "platform/db/after_commit.py",  # workers are woken
]
# What every request leans on, whatever it does; nobody reads it to understand one of them.
TOOLS = {
    "accounts/tokens.py",
    "accounts/web/caller.py",
    "accounts/web/principal.py",
    "platform/clock.py",
    "platform/db/reads.py",
    "platform/documents.py",
    "platform/ids.py",
    "platform/observability.py",
    "platform/schemas.py",
    "platform/settings.py",
    "platform/web/idempotency.py",
    "platform/web/limits.py",
    "platform/web/responses.py",
}


def test_completing_a_referral_passes_twenty_files(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        pairs = [(make_invite(session, make_member(session)).code, make_user(session).id) for _ in range(2)]
    client = committed_app.test_client()

    def complete(code: str, friend: str) -> None:
        body = {"code": code, "refereeUserId": friend}
        answer = client.post("/api/v1/loyalty/referrals/complete", json=body, headers=bearer(token))
        assert answer.status_code == 200

    complete(*pairs[0])  # what is made once in a process is made now
    passed: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        _, in_portal, name = frame.f_code.co_filename.rpartition("/portal/")
        if event == "call" and in_portal and "site-packages" not in frame.f_code.co_filename:
            passed[name] = None

    sys.setprofile(note)
    try:
        complete(*pairs[1])
    finally:
        sys.setprofile(None)
    assert [name for name in passed if name not in TOOLS] == PATH
    assert passed.keys() - set(PATH) == TOOLS
    assert len(PATH) <= 20
