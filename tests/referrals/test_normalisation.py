"""One person's spellings are one person (CONTRACT rule 10); another person's are not. Codes as people type them."""

import pytest
from sqlalchemy.orm import Session

from portal.accounts.contact import clean_email
from portal.platform import clock
from portal.referrals.codes import normalize_code, spellings
from portal.referrals.converting.fraud_signals import address_signals
from portal.referrals.problems import SelfReferral
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import complete, make_invite

SAME = [
    ("ada@example.com", "ADA@EXAMPLE.COM"),
    ("ada@example.com", "ada+shop@example.com"),
    ("ada@example.com", "Ada+a+b@Example.com"),
    ("ada.lovelace@gmail.com", "adalovelace@gmail.com"),
    ("ada.lovelace@gmail.com", "a.d.a.lovelace+x@googlemail.com"),
    ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ("ada@example.com", "ada@ｅｘａｍｐｌｅ.com"),
    ("ada@example.com", "ada@example。com"),
]
DIFFERENT = [
    ("ada@example.com", "ada@example.org"),
    ("ada.lovelace@example.com", "adalovelace@example.com"),
    ("ada@example.com", "ada@exаmple.com"),  # a Cyrillic а: another domain, of someone else
    ("ada@example.com", "bda@example.com"),
    ("ada@gmail.com", "ada@gmail.com.example"),
    ("ada@straße.example", "ada@strasse.example"),  # two domains since IDNA 2008
]


@pytest.mark.parametrize(("mine", "theirs"), SAME)
def test_a_spelling_of_ones_own_address_is_refused(session: Session, mine: str, theirs: str) -> None:
    member = make_member(session, make_user(session, email=clean_email(mine)))
    with pytest.raises(SelfReferral), session.begin_nested():
        make_invite(session, member, channel="email", email=clean_email(theirs))
    twin = make_user(session, email=f"twin-of-{clean_email(mine)}")
    twin.email_normalized = session.get_one(type(twin), member.user_id).email_normalized
    with pytest.raises(SelfReferral):
        complete(session, make_invite(session, member).code, twin.id)


@pytest.mark.parametrize(("mine", "theirs"), DIFFERENT)
def test_someone_elses_address_is_welcome(session: Session, mine: str, theirs: str) -> None:
    member = make_member(session, make_user(session, email=clean_email(mine)))
    friend = make_user(session, email=clean_email(theirs))
    invite = make_invite(session, member, channel="email", email=clean_email(theirs))
    assert complete(session, invite.code, friend.id, at=clock.now()).entries


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("K7MPX42QD", "K7MPX42QD"),
        (" k7mp x42qd ", "K7MPX42QD"),
        ("k7m-px4-2qd", "K7MPX42QD"),
        ("К7МРХ42QD", "K7MPX42QD"),
        ("Ｋ７ｍｐｘ４２ｑｄ", "K7MPX42QD"),
        ("k7mpx42qd.", "K7MPX42QD"),
        ("…", ""),
        ("💥", ""),
        ("x" * 500, "X" * 64),
    ],
)
def test_a_code_is_read_as_it_was_meant(typed: str, meant: str) -> None:
    assert normalize_code(typed) == meant


def test_look_alikes_are_tried_both_ways() -> None:
    assert "SHAREME01" in spellings("shareme0l")
    assert "SHAREME01" in spellings("SHAREMEOI")
    assert "OIL" in spellings("01L")


@pytest.mark.parametrize(
    ("one", "other", "signals"),
    [
        ("ada@corp.example", "grace@corp.example", ["same_address_domain"]),
        ("ada@gmail.com", "grace@gmail.com", []),
        ("ada.love1@gmail.com", "adalove2@web.de", ["similar_address"]),
        ("ada@example.com", "grace@xn--exmple-4nf.com", ["lookalike_domain"]),
        ("ada@acme1.com", "grace@acmel.com", ["lookalike_domain"]),
        ("ada@example.com", "grace@example.org", []),
    ],
)
def test_addresses_that_look_related_leave_a_signal(one: str, other: str, signals: list[str]) -> None:
    assert address_signals(one, other) == signals
