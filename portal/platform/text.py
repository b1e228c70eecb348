"""Checks for text that people write for others: no invisible characters, and no web addresses."""

import re
import unicodedata
from urllib.parse import unquote

# Unicode's controls, format characters, private use, surrogates, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
# Invisible, although Unicode counts them as letters, marks or symbols or reserves them: fillers, variation selectors.
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
_LAYOUT = frozenset("\n\r\t")
_NO_LAYOUT = dict.fromkeys(map(ord, _LAYOUT))
_ZWNJ, _ZWJ = "\u200c", "\u200d"
# Scripts that are written with joiners: Arabic and related ones, and those of India and Sri Lanka.
_JOINING = re.compile(r"[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff]")
_PICTURE = re.compile("[\u00a9\u00ae\u2122\u2190-\u2bff\u3297\u3299\U0001f000-\U0001faff]")
_VARIANTS = "\ufe0e\ufe0f"  # variation selectors: an emoji as text, or in colour
_WITH_VARIANTS = frozenset("0123456789#*\u203c\u2049\u2139\u3030\u303d")

# What a reader, a browser or a mail program treats as a full stop, a slash or a colon.
_SIGNS = str.maketrans(
    dict.fromkeys("\u3002\u0701\u0702\ua4f8\u06d4\ua60e\u2e3c", ".")
    | dict.fromkeys("\u2044\u2215\u29f8\u2571\\", "/")
    | dict.fromkeys("\ua789\u2236\u02d0\ufe55", ":")
)
_DEFANGED = re.compile(r"\s{0,3}[\[({<]\s{0,3}(?:\.|dot)\s{0,3}[\])}>]\s{0,3}")
_SPACED = re.compile(r"\s{1,3}dot\s{1,3}|\s\.\s{0,3}(?=(?:com|net|org|info|biz|xyz|io|ru|cn)\b)")
_SITE = re.compile(
    r"""
    [a-z][a-z0-9+.-]{0,15}\s{0,3}:\s{0,3}//      # any scheme with an authority
    | \b(?:https?|hxxps?|ftp|mailto|javascript)\s{0,3}:
    | (?:^|[\s("'])//\S                          # the page's own scheme
    | \bwww\d*\.
    | \bxn--
    | \blocalhost\b
    | [\w-]\.(?:[^\W\d_]{2,})                    # a name below a top-level domain, IDN ones included
    | (?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]) # an IPv4 address
    """,
    re.VERBOSE,
)


def without_hidden(text: str) -> str:
    """The text without invisible characters: controls, bidirectional marks, zero-width characters, fillers.

    Line breaks and tabs stay. So do the joiners that Arabic, Indic scripts and emoji are written with.
    """
    return "".join(sign for place, sign in enumerate(text) if not _is_hidden(sign) or _joins(text, place))


def plain_line(text: str) -> str:
    """A name or another text of one line: without invisible characters, line breaks, tabs and surrounding space."""
    return without_hidden(text).translate(_NO_LAYOUT).strip()


def names_a_site(text: str) -> bool:
    """Whether a reader, or the program that shows the text, could read a part of it as a web address.

    That is any scheme, `www.`, a bare host with or without a path, punycode or IPv4, also in full-width or other
    compatibility letters, or with invisible characters, escapes, brackets or `dot` in between. A full stop right
    between two words counts as a host too: `Hi.Come`.
    """
    seen = _SPACED.sub(".", _DEFANGED.sub(".", _as_read(text)))
    return _SITE.search(seen) is not None


def _is_hidden(sign: str) -> bool:
    ignored = _IGNORED.match(sign) is not None
    return ignored or (unicodedata.category(sign) in _HIDDEN_CATEGORIES and sign not in _LAYOUT)


def _joins(text: str, place: int) -> bool:
    """Whether the neighbours of the joiner or variation selector at this place are written with it."""
    sign, after = text[place], text[place + 1 : place + 2]
    if sign in _VARIANTS:
        return _is_picture(text[max(place - 1, 0) : place])
    before = text[max(place - 3, 0) : place].rstrip(_VARIANTS)[-1:]
    if sign == _ZWJ and _is_picture(before) and _is_picture(after):
        return True
    return sign in (_ZWNJ, _ZWJ) and bool(_JOINING.match(before) and (_JOINING.match(after) or not after))


def _is_picture(sign: str) -> bool:
    return bool(sign) and (sign in _WITH_VARIANTS or _PICTURE.match(sign) is not None)


def _as_read(text: str) -> str:
    """The text folded to what it looks like: one width, no marks, no case, no invisible characters."""
    shown = "".join(sign for sign in unquote(text) if not _is_hidden(sign))
    folded = unicodedata.normalize("NFKD", shown.translate(_SIGNS)).translate(_SIGNS).casefold()
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] != "M")
