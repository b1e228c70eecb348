"""Text without what nobody sees, or what turns the words of others round."""

import pytest

from portal.core.text import without_hidden

HIDDEN = {
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


@pytest.mark.parametrize("sign", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_is_not_seen_goes(sign: str) -> None:
    assert without_hidden(f"{sign}Ada{sign} Love{sign}lace{sign}") == "Ada Lovelace"
    assert without_hidden(sign * 3) == ""


@pytest.mark.parametrize("name", ["Zoë O’Brien-Ŝmith", "李小龍", "Ольга", "علی‌رضا", "ක්‍රිෂ්", "नेहा", "Ada ❤"])
def test_names_of_all_scripts_stay_as_they_are_written(name: str) -> None:
    assert without_hidden(f"  {name} ") == name
