"""Which spellings of an address are one person's (CONTRACT rule 10), and how addresses are stored."""

import pytest

from portal.accounts.contact import clean_email, normalize_email


@pytest.mark.parametrize(
    ("spelling", "normal"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "ada@example.com"),
        ("ada+shop@example.com", "ada@example.com"),
        ("ada+a+b@example.com", "ada@example.com"),
        ("+ada@example.com", "+ada@example.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("A.d.a+x@gmail.com", "ada@gmail.com"),
        ("a.da@googlemail.com", "ada@gmail.com"),
        ("ada@GMAIL.com.", "ada@gmail.com"),
        ("...@gmail.com", "...@gmail.com"),
        ("ada@gmail.com.example.com", "ada@gmail.com.example.com"),
        ("ada@ｇｍａｉｌ．ｃｏｍ", "ada@gmail.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("ada@ｅxample。com", "ada@example.com"),
        ("ada＋x@example.com", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("straße@example.com", "strasse@example.com"),
        ("ﬁona@example.com", "fiona@example.com"),
        ("not an address", "@not an address"),
        ("", "@"),
    ],
)
def test_spellings_of_one_person_are_equal(spelling: str, normal: str) -> None:
    assert normalize_email(spelling) == normal
    assert normalize_email(normal) == normalize_email(normalize_email(normal))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ada.L+x@Example.COM ", "ada.l+x@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ops@shop.test", "ops@shop.test"),
    ],
)
def test_an_address_is_stored_in_lower_case_with_an_ascii_domain(given: str, stored: str) -> None:
    assert clean_email(given) == stored


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example",
        "ada@-x.com",
        "a\x00@example.com",
        "ada@@example.com",
        "ada@example.com\nBcc: x@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        clean_email(given)
