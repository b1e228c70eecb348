"""Codes as people type them: any case, spaces and dashes, letters of other alphabets, O for 0."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

MAX_LENGTH = 64
_ALPHABETS = str.maketrans("АВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTYXABEZHIKMNOPTYX")
_AS_DIGITS = str.maketrans("OIL", "011")
_AS_LETTERS = (str.maketrans("01", "OI"), str.maketrans("01", "OL"))

_FIND = text("""
    SELECT member_id, invite_id, code FROM (
        SELECT member_id, id AS invite_id, code, code = :typed AS exact FROM loyalty_referral_invites
        WHERE code = ANY(:spellings)
        UNION ALL
        SELECT id, NULL, referral_code, referral_code = :typed FROM loyalty_members
        WHERE referral_code = ANY(:spellings)) f
    ORDER BY exact DESC, invite_id NULLS LAST LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Target:
    """The member and invite that a code belongs to; `invite_id` None: it is the member's personal code."""

    member_id: UUID
    invite_id: UUID | None
    code: str


def normalize_code(typed: str) -> str:
    """The code that was meant, reduced to ASCII capital letters and digits; empty if nothing is left."""
    folded = unicodedata.normalize("NFKC", typed[: 2 * MAX_LENGTH]).upper().translate(_ALPHABETS)
    return "".join(sign for sign in folded if sign.isascii() and sign.isalnum())[:MAX_LENGTH]


def spellings(typed: str) -> list[str]:
    """The code as typed, then with its look-alikes read as digits and as letters."""
    return list(dict.fromkeys(_spellings(normalize_code(typed))))


def _spellings(code: str) -> Iterator[str]:
    yield code
    yield code.translate(_AS_DIGITS)
    yield from (code.translate(table) for table in _AS_LETTERS)


def find_code(session: Session, typed: str) -> Target | None:
    """The member and invite of a code, whatever its spelling; None if nobody has it."""
    wanted = spellings(typed)
    if not wanted[0]:
        return None
    row = session.execute(_FIND, {"typed": wanted[0], "spellings": wanted}).first()
    return Target(*row) if row else None
