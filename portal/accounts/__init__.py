"""Users, sign-in, API tokens, consent and preferences."""

from portal.accounts.access import disable_user, enable_user, sign_out_user
from portal.accounts.bulk import lock_profiles, put_profiles
from portal.accounts.contact import (
    BIRTHDAY_NOTICE,
    clean_birthday,
    clean_email,
    clean_locale,
    clean_name,
    clean_phone,
    clean_timezone,
    clean_user_id,
    normalize_email,
)
from portal.accounts.models import USER_ID_PATTERN, AccountNotice, Registration, User
from portal.accounts.notices import NOTICE_TOPIC
from portal.accounts.passwords import DEMO_PASSWORD, hash_password, make_reset_token, verify_password
from portal.accounts.preferences import (
    ANY_HOUR,
    OWN_WITHDRAWAL,
    Origin,
    Preferences,
    change_consent,
    get_preferences,
    put_birthday,
    put_contact,
    put_preferences,
    put_push_token,
    start_push,
)
from portal.accounts.problems import UserNotFound, UserRequired
from portal.accounts.registration import NOTES, REGISTRATION_TOPIC
from portal.accounts.reset import RESET_TOPIC, drop_password
from portal.accounts.search import HITS, list_named, look_for, search_words
from portal.accounts.users import create_user, get_user
from portal.accounts.verification import ADDRESSES_VERIFIED, AFTER_VERIFICATION, JOINED, make_link_token

__all__ = [
    "ADDRESSES_VERIFIED",
    "AFTER_VERIFICATION",
    "ANY_HOUR",
    "BIRTHDAY_NOTICE",
    "DEMO_PASSWORD",
    "HITS",
    "JOINED",
    "NOTES",
    "NOTICE_TOPIC",
    "OWN_WITHDRAWAL",
    "REGISTRATION_TOPIC",
    "RESET_TOPIC",
    "USER_ID_PATTERN",
    "AccountNotice",
    "Origin",
    "Preferences",
    "Registration",
    "User",
    "UserNotFound",
    "UserRequired",
    "change_consent",
    "clean_birthday",
    "clean_email",
    "clean_locale",
    "clean_name",
    "clean_phone",
    "clean_timezone",
    "clean_user_id",
    "create_user",
    "disable_user",
    "drop_password",
    "enable_user",
    "get_preferences",
    "get_user",
    "hash_password",
    "list_named",
    "lock_profiles",
    "look_for",
    "make_link_token",
    "make_reset_token",
    "normalize_email",
    "put_birthday",
    "put_contact",
    "put_preferences",
    "put_profiles",
    "put_push_token",
    "search_words",
    "sign_out_user",
    "start_push",
    "verify_password",
]
