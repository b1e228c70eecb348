"""Only pages of this site are gone on to."""

import pytest

from portal.accounts.web.browser import safe_next


@pytest.mark.parametrize("target", ["/", "/account/loyalty", "/a?b=c&d=%2F%2Fe", "/a#b", "/%5Cevil", "/ä"])
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "account",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "\\/evil.test",
        "https://evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        " /a",
        "/ /evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "\t//evil.test",
        "/\x00",
        "/a\r\nSet-Cookie: x=y",
        "/a\x7f",
        "/" * 2001,
        "/" + "a" * 2000,
    ],
)
def test_what_could_leave_the_site_is_dropped(target: str | None) -> None:
    assert safe_next(target) is None
