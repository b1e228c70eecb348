"""What people write to be read by others: what cannot be seen in it, and what names a site."""

import time

import pytest

from portal.platform.text import names_a_site, plain_line, without_hidden

SITES = [
    "evil.example",
    "evil.example/x",
    "Free points at evil.example!",
    "http://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "see https:evil",
    "http:\\\\evil",
    "//evil.example/x",
    "//evil/x",
    "hxxp://evil",
    "ftp://evil/x",
    "tel://1",
    "javascript:alert(1)",
    "mailto:a@b",
    "www.evil",
    "WWW2.evil",
    "xn--80ak6aa92e",
    "evil.xn--p1ai",
    "пример.рф",
    "例え.テスト",
    "a@evil.example",
    "t.co/x",
    "x.com",
    "163.com",
    "192.0.2.7/x",
    "localhost:8000",
    "evil-.com",
    "ｅｖｉｌ．ｃｏｍ",
    "evil。com",
    "evil｡com",
    "evil․com",
    "evil﹒com",
    "ⓔⓥⓘⓛ.ⓒⓞⓜ",
    "𝕖𝕧𝕚𝕝.𝕔𝕠𝕞",
    "ёvіl.сом",
    "ev\u200bil.c\u200bom",
    "evil\u2060.\u00adcom",
    "e\u200dvil\ufeff.com",
    "evil.\u202ecom",
    "e\u0332vil.c\u0332om",
    "evil\U000e0001.com",
    "evil.\u3164com",
    "evil[.]com",
    "evil (dot) com",
    "evil dot com",
    "evil .com",
    "evil%2Ecom",
    "x∶∕∕y",
    "https：／／evil",
    "Ada\nevil.example",
]
PLAIN = [
    "",
    "Ada",
    "Ünï Çödé",
    "O'Neil-Smith",
    "J. R. R. Tolkien",
    "Mr. Net",
    "St. Mary",
    "Hi there. How are you?",
    "I met him. Com on!",
    "It is 10:30, or 10.30 am",
    "3.50 euros",
    "No.5",
    "1.2.3",
    "e.g. this, i.e. that",
    "U.S.A.",
    "a.m. or p.m.",
    "wait... what",
    "und/oder",
    "50/50",
    "Note: bring it",
    "Join me!",
    "a dotted line",
    "naïve…",
    "می‌خواهم",
    "家族👨‍👩‍👧",
]
HIDDEN = {
    "a\u200bb": "ab",
    "a\u200db": "ab",
    "\u200cAda": "Ada",
    "\u202eabc\u202c": "abc",
    "\u2066abc\u2069": "abc",
    "so\u00adft": "soft",
    "\ufeffAda": "Ada",
    "Ada\x07": "Ada",
    "A\x1b[31mda": "A[31mda",
    "Ada\u2028Eve": "AdaEve",
    "\u3164": "",
    "\u2800": "",
    "Ada\U000e0041": "Ada",
    "Ada\ufe0f": "Ada",
    "A\u034fda": "Ada",
    "\ue000x": "x",
    "\x7f\x85": "",
    "👨\u200d": "👨",
    "\u061cx": "x",
}
SEEN = [
    "Ada Lovelace",
    "two\nlines\tand a tab\r\n",
    "é",
    "e\u0301",
    "می\u200cخواهم",
    "क्\u200dष",
    "शक्\u200d",
    "👨\u200d👩\u200d👧",
    "❤\ufe0f\u200d🔥",
    "1\ufe0f\u20e3",
    "©\ufe0f",
    "עברית",
    "日本語",
    "\u00a0",
]


@pytest.mark.parametrize("text", SITES)
def test_an_address_of_a_site_is_seen_in_every_disguise(text: str) -> None:
    assert names_a_site(text)
    assert names_a_site(f"Hello, {text} (for you)")


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_otherwise_names_no_site(text: str) -> None:
    assert not names_a_site(text)


@pytest.mark.parametrize(("text", "seen"), HIDDEN.items())
def test_what_cannot_be_seen_is_found_and_taken_out(text: str, seen: str) -> None:
    assert text != seen
    assert without_hidden(text) == seen
    assert without_hidden(seen) == seen


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_or_shapes_what_is_seen_stays(text: str) -> None:
    assert without_hidden(text) == text


@pytest.mark.parametrize("piece", ["a-", "a", "dot ", "[ ", "a:", "1.", " ", "\u200d", "\ufe0f"])
def test_the_time_it_takes_grows_with_the_length_alone(piece: str) -> None:
    began = time.perf_counter()
    names_a_site(piece * 50_000)
    without_hidden(piece * 5_000)
    assert time.perf_counter() - began < 5


SIGNS = {
    "right-to-left override": "\u202e",
    "left-to-right embedding": "\u202a",
    "isolate": "\u2066",
    "mark": "\u200f",
    "Arabic mark": "\u061c",
    "zero-width space": "\u200b",
    "joiner": "\u200d",
    "non-joiner": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "Hangul filler": "\u3164",
    "half-width filler": "\uffa0",
    "braille blank": "\u2800",
    "tag": "\U000e0041",
    "variation": "\U000e0100",
    "Mongolian separator": "\u180e",
    "line separator": "\u2028",
    "NUL": "\x00",
    "escape": "\x1b",
    "line break": "\n",
    "C1": "\x85",
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS.keys())
def test_a_line_keeps_nothing_that_is_not_seen(sign: str) -> None:
    assert plain_line(f"{sign}Ada{sign} Love{sign}lace{sign}") == "Ada Lovelace"
    assert plain_line(sign * 3) == ""


@pytest.mark.parametrize("name", ["Zoë O’Brien-Ŝmith", "李小龍", "Ольга", "علی‌رضا", "ක්‍රිෂ්", "नेहा", "Ada ❤"])
def test_names_of_all_scripts_stay_as_they_are_written(name: str) -> None:
    assert plain_line(f"  {name} ") == name
