"""Finding members: by how the words of a name, an email address or an id begin, or exactly."""

import re
from dataclasses import dataclass

from sqlalchemy import text

from portal.accounts.addresses import clean_email
from portal.accounts.models import SEARCH_WORDS
from portal.core.reads import read_one

MOST_FOUND = 1_000
_SEPARATORS = re.compile(r"[\W_]+")

# The index gives the hits, whatever the planner thinks of how many there are; no more of them are looked at than shown.
HITS = (
    f"(WITH hits AS MATERIALIZED (SELECT id FROM users WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery)) "
    f"SELECT id FROM hits LIMIT {MOST_FOUND})"
)
_LOOK = text(f"""
    WITH exact AS (
        SELECT id FROM users WHERE email = :email OR id = :q
        UNION
        SELECT user_id FROM loyalty_members WHERE referral_code = upper(:q)
    ), hits AS MATERIALIZED (SELECT id FROM users WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery))
    SELECT (SELECT min(id) FROM exact) AS user_id, (SELECT count(*) FROM exact) AS exact,
           (SELECT count(*) FROM (SELECT FROM hits LIMIT {MOST_FOUND + 1}) h) AS hits
""")


_TIER = text("SELECT CAST(id AS text) AS id FROM loyalty_tiers WHERE slug = :slug")


@dataclass(frozen=True, slots=True)
class Look:
    """What a search found: the one user it names exactly, if any, and whether there are more hits than are shown."""

    user_id: str | None
    is_too_wide: bool


def look_for(wanted: str) -> Look:
    """Whom these words name: by email address, user id or referral code exactly, else by how names begin."""
    row = read_one(_LOOK, {"q": wanted, "email": _as_address(wanted), "words": search_words(wanted)})
    if row is None:
        return Look(None, False)
    return Look(row.user_id if row.exact == 1 else None, row.hits > MOST_FOUND)


def find_tier(slug: str) -> str | None:
    """The id of a tier. Given as a value, and not looked up in the list's own statement, its rows can be estimated."""
    row = read_one(_TIER, {"slug": slug}) if slug and "\x00" not in slug else None
    return row.id if row else None


def search_words(wanted: str) -> str:
    """A text search query in which each word is the beginning of one of a user's."""
    return " & ".join(_term(word) for word in wanted.lower().split()) or "''"


def _term(word: str) -> str:
    """The word as the beginning of an id or address; or, where marks stand in it, its parts as those of a name."""
    parts = [part for part in _SEPARATORS.split(word) if part]
    whole = _prefix(word)
    if not parts or "@" in word or parts == [word]:
        return whole
    return f"({whole} | ({' & '.join(map(_prefix, parts))}))"


def _prefix(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}':*"


def _as_address(wanted: str) -> str:
    try:
        return clean_email(wanted)
    except ValueError:
        return wanted.lower()
