"""Tokens: made, listed, revoked."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import tokens
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.models import AuditEntry
from portal.platform.problems import InvalidInput


def make(session: Session, name: str = "shop", **fields: Any) -> Any:
    return tokens.create_token(session, Act("user:admin", clock.now()), name=name, **{"scopes": ["member"], **fields})


def test_a_secret_has_256_random_bits_and_only_its_hash_is_kept(session: Session) -> None:
    token, secret = make(session, scopes=["orders", "checkout", "member", "member"], days=2)
    assert secret.startswith("lp_")
    assert len(secret) == 3 + 43
    assert token.token_hash == hashlib.sha256(secret.encode()).digest()
    assert token.scopes == ["member", "checkout", "orders"]
    assert token.expires_at == token.created_at + timedelta(days=2)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.object_id, entry.actor) == ("token.create", "shop", "user:admin")
    assert secret not in str(entry.after)


def test_live_tokens_have_names_of_their_own(session: Session) -> None:
    make(session)
    with pytest.raises(tokens.TokenNameTaken):
        make(session)


def test_the_name_of_a_token_that_ended_can_be_used_again(session: Session) -> None:
    revoked, _ = make(session)
    tokens.revoke_token(session, revoked.id, Act("user:admin", clock.now()))
    expired, _ = make(session, days=1)
    with clock.at(clock.now() + timedelta(days=2)):
        live, _ = make(session)
    session.refresh(expired)
    assert len({revoked.id, expired.id, live.id}) == 3
    assert expired.revoked_at == expired.expires_at
    assert tokens.find_token(session, "shop") is live


def test_a_name_that_came_again_still_names_one_live_token(session: Session) -> None:
    for _ in range(2):
        tokens.revoke_token(session, make(session)[0].id, Act("user:admin", clock.now()))
    last, _ = make(session)
    with pytest.raises(tokens.TokenNameTaken):
        make(session)
    tokens.revoke_token(session, last.id, Act("user:admin", clock.now()))
    assert tokens.find_token(session, "shop") is last


def test_a_token_remembers_who_made_it(session: Session) -> None:
    assert make(session)[0].created_by == "user:admin"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["owner"]}, "scopes"),
        ({"days": 0}, "expiresInDays"),
        ({"days": 3651}, "expiresInDays"),
    ],
)
def test_what_cannot_be_is_refused(session: Session, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(session, **fields)
    assert [error["field"] for error in caught.value.errors] == [named]


def test_revoking_twice_keeps_the_first_time(session: Session) -> None:
    token, _ = make(session)
    first = tokens.revoke_token(session, token.id, Act("user:admin", clock.now(), "leaked")).revoked_at
    with clock.at(clock.now() + timedelta(hours=1)):
        assert tokens.revoke_token(session, token.id, Act("user:admin", clock.now())).revoked_at == first
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "token.revoke")).all()
    assert [entry.reason for entry in entries] == ["leaked"]


def test_tokens_are_found_by_name(session: Session) -> None:
    first, _ = make(session, "first")[0], make(session, "second")
    assert tokens.find_token(session, "first") is first


def test_unknown_tokens_are_not_found(session: Session) -> None:
    with pytest.raises(tokens.TokenNotFound):
        tokens.find_token(session, "nobody's")
    with pytest.raises(tokens.TokenNotFound):
        tokens.revoke_token(session, ids.new_id(), Act("user:admin", clock.now()))
