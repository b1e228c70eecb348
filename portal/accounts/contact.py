"""Check and normalise what people give about themselves; each `clean_…` raises ValueError with the reason."""

import functools
import re
import unicodedata
from datetime import timedelta
from zoneinfo import available_timezones

import idna
import phonenumbers
from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email

from portal.accounts.models import BIRTHDAY_PATTERN, USER_ID_PATTERN
from portal.platform.text import plain_line

_USER_ID = re.compile(USER_ID_PATTERN)
_BIRTHDAY = re.compile(BIRTHDAY_PATTERN)
MAX_LOCALE_LENGTH = 35
# How long before its day a birthday has to be entered, to be paid that year (CONTRACT-EARNING 8.3).
BIRTHDAY_NOTICE = timedelta(days=30)


def clean_user_id(value: str) -> str:
    """A user id of the form the storefront may choose."""
    if not _USER_ID.fullmatch(value):
        raise ValueError("must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ -")
    return value


def clean_name(value: str) -> str:
    """A name for display: without characters that are invisible or change the direction of the text around them."""
    name = plain_line(value)
    if not name:
        raise ValueError("must have a character that can be seen")
    return name


def clean_phone(value: str) -> str:
    """A phone number in E.164, e.g. `+14155552671`; its length must be possible in its country."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("must be an international number beginning with +") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("has too many or too few digits for its country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def clean_timezone(value: str) -> str:
    """The name of an IANA time zone."""
    if value not in _timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return value


def clean_locale(value: str) -> str:
    """A locale that numbers and dates can be written in, with the separator it came with (`de-DE` or `de_DE`)."""
    return str(parse_locale(value)).replace("_", "-" if "-" in value else "_")


def parse_locale(value: str) -> Locale:
    """The locale that a stored name stands for."""
    try:
        return Locale.parse(value[:MAX_LOCALE_LENGTH].replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise ValueError("must be a known locale, such as en-GB") from error


def clean_birthday(value: str) -> str:
    """A day of any year, as `MM-DD`; 29 February is one."""
    if not _BIRTHDAY.fullmatch(value):
        raise ValueError("must be a day that exists, written MM-DD without the year, such as 12-31")
    return value


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


GMAIL = frozenset({"gmail.com", "googlemail.com"})


def clean_email(address: str) -> str:
    """The address as it is stored: lower-case, its domain in the ASCII form that mail servers speak.

    DNS is not asked: only sending shows whether mail arrives.

    :raises ValueError: if it is not an email address.
    """
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("must be an email address, such as name@example.com") from error
    return f"{found.local_part.lower()}@{found.ascii_domain.lower()}"


def normalize_email(address: str) -> str:
    """The form in which one person's spellings of an address are equal (CONTRACT rule 10).

    Folds case, width and other compatibility forms of Unicode, drops `+tag`, drops Gmail's dots and its second
    domain, and writes the domain in IDNA. Never fails: a text that is no address is folded as far as possible.
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
