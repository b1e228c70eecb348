"""Text that people see as it is stored: without characters that nobody sees."""

import re
import unicodedata

# Besides control and format characters: letters and marks that are drawn as nothing.
_DRAWN_AS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xE0000, 0xE0200))
)
# They join or part the letters of these scripts (Arabic to Malayalam and Sinhala, Myanmar, Khmer and Mongolian).
_JOINERS = "\u200c\u200d"
_JOINED = re.compile(r"[\u0600-\u0dff\u1000-\u109f\u1780-\u18af]")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})


def without_hidden(text: str) -> str:
    """The text without what turns its direction round or is not seen at all, and without space around it.

    Control and format characters go (bidi overrides, zero-width space, soft hyphen, byte order mark, tags), and letters
    that are drawn as nothing. Zero-width joiners stay between letters of scripts that are written with them.
    """
    kept = [sign for at, sign in enumerate(text) if not _is_hidden(sign) or _joins(text, at)]
    return "".join(kept).strip()


def _is_hidden(sign: str) -> bool:
    if sign.isascii():
        return not sign.isprintable()
    return sign in _DRAWN_AS_NOTHING or unicodedata.category(sign) in _HIDDEN_CATEGORIES


def _joins(text: str, at: int) -> bool:
    around = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return text[at] in _JOINERS and all(_JOINED.match(sign) for sign in around)
