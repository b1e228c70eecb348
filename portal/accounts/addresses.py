"""Email addresses: the form they are stored in, and the form that tells whether two are one person's."""

import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

GMAIL = frozenset({"gmail.com", "googlemail.com"})


def clean_email(address: str) -> str:
    """The address as it is stored: lower-case, its domain in the ASCII form that mail servers speak.

    No DNS is asked: whether mail arrives is found out by sending it.

    :raises ValueError: not an email address; the message says why.
    """
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return f"{found.local_part.lower()}@{found.ascii_domain.lower()}"


def normalize_email(address: str) -> str:
    """The form in which one person's spellings of an address are equal (CONTRACT rule 10).

    Folds case, width and other compatibility forms of Unicode, drops `+tag`, drops Gmail's dots and its second
    domain, and writes the domain in IDNA. Never fails: what is no address is folded as far as it goes.
    """
    local, _, domain = _fold(address.strip()).rpartition("@")
    domain = _ascii(domain)
    local = _untagged(local)
    if domain in GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


def _fold(value: str) -> str:
    """NFKC and case folding, repeated once because folding can undo the normal form."""
    for _ in range(2):
        value = unicodedata.normalize("NFKC", value).casefold()
    return value


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain.rstrip(".")


def _untagged(local: str) -> str:
    """The part before the first `+`, unless nothing stands before it."""
    return local.partition("+")[0] or local
