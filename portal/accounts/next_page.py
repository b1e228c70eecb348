"""Where to go after sign-in: only to a page of this site."""

from urllib.parse import urlsplit

LONGEST = 2000


def safe_next(target: str | None) -> str | None:
    """The path when it leads to a page of this site, else None.

    Browsers drop control characters and read a backslash as a slash, so either could begin `//another.site`.
    """
    if not target or len(target) > LONGEST or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(character) <= 32 or ord(character) == 127 for character in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
