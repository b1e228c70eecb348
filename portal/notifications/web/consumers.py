"""Outbox consumers: each outbox message becomes at most one message to a person."""

from datetime import datetime, timedelta

from portal.accounts import (
    AccountNotice,
    Registration,
    User,
    make_link_token,
    make_reset_token,
)
from portal.notifications.delivery import count_since, suppress
from portal.notifications.kinds import ACCOUNT_NOTICE, ADDRESS_KNOWN, PASSWORD_RESET, VERIFY_ADDRESS, Kind
from portal.notifications.recipients import Recipient
from portal.notifications.rendering import Content, render
from portal.notifications.sending import send_loyalty_tier_upgrade, send_to_user
from portal.notifications.web.labels import describe_browser
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.documents import Document
from portal.platform.outbox import Claimed
from portal.platform.settings import current_settings

DAY = timedelta(days=1)


def key_of(message: Claimed) -> str:
    """The deduplication key of the message to a person."""
    return f"outbox:{ids.encode(message.id)}"


def announce_tier(message: Claimed) -> None:
    """Announce a tier upgrade."""
    member_id, change_id = (ids.parse(message.payload[name]) for name in ("member_id", "change_id"))
    send_loyalty_tier_upgrade(key_of(message), member_id, change_id)


def send_password_reset(message: Claimed) -> None:
    """Send the link to choose a new password, whatever the marketing preferences; at most `reset_mails_per_day`."""
    user_id, settings = message.payload["user_id"], current_settings()
    if user_id is None:  # requested for an address that no user has
        return
    with unit_of_work() as session:
        user = session.get(User, user_id)
        token = make_reset_token(user) if user is not None else ""
        full = count_since(session, user_id, PASSWORD_RESET.name, clock.now() - DAY) >= settings.reset_mails_per_day
    if full:
        suppress(key_of(message), PASSWORD_RESET.name, "daily_cap", user_id=user_id)
        return

    def write(recipient: Recipient, _: str | None) -> Content:
        context = {"first_name": recipient.first_name, "minutes": settings.password_reset_minutes}
        return _letter(PASSWORD_RESET, recipient, context, f"/password/reset/{token}")

    send_to_user(key_of(message), PASSWORD_RESET, user_id, write)


def send_verification(message: Claimed) -> None:
    """Send what a registration asks for: a link to verify the address or, if it is verified, a notice to its owner."""
    registration_id, user_id = ids.parse(message.payload["registration_id"]), message.payload["user_id"]
    with unit_of_work() as session:
        registration, user = session.get(Registration, registration_id), session.get(User, user_id)
    if registration is None or user is None or user.email != registration.email:
        suppress(key_of(message), VERIFY_ADDRESS.name, "link_spent", user_id=user_id if user else None)
    elif user.email_verified_at is None:
        _send_link(key_of(message), registration)
    elif not registration.again:
        _tell_owner(user_id, clock.now())


def _send_link(key: str, registration: Registration) -> None:
    hours, token = current_settings().verification_link_hours, make_link_token(registration.id)

    def write(recipient: Recipient, _: str | None) -> Content:
        context = {"hours": hours, "address": registration.email}
        return _letter(VERIFY_ADDRESS, recipient, context, f"/register/confirm/{token}")

    send_to_user(key, VERIFY_ADDRESS, registration.user_id, write)


def _tell_owner(user_id: str, now: datetime) -> None:
    """Tell a user that somebody tried to register with their address, once a day: the day is in the message's key."""

    def write(recipient: Recipient, _: str | None) -> Content:
        return _letter(ADDRESS_KNOWN, recipient, {"first_name": recipient.first_name}, "/login")

    send_to_user(f"address_known:{user_id}:{now:%Y-%m-%d}", ADDRESS_KNOWN, user_id, write)


def _letter(kind: Kind, recipient: Recipient, context: Document, path: str) -> Content:
    return render(kind, context, path=path, locale=recipient.locale, timezone=recipient.timezone)


def send_account_notice(message: Claimed) -> None:
    """Tell the owner of an account what was done to it, whatever their marketing preferences."""
    with unit_of_work() as session:
        notice = session.get(AccountNotice, ids.parse(message.payload["notice_id"]))
    if notice is None:
        return
    # Nobody can choose a new password through an address that the account no longer has.
    path = "/password/forgot" if notice.email is None else "/"
    context: Document = {
        "notice": notice.notice,
        "at": notice.at,
        "browser": describe_browser(notice.browser),
        "address": notice.address,
        "is_old_address": notice.email is not None,
    }

    def write(recipient: Recipient, _: str | None) -> Content:
        first_name = "" if notice.email else recipient.first_name
        return _letter(ACCOUNT_NOTICE, recipient, {**context, "first_name": first_name}, path)

    send_to_user(key_of(message), ACCOUNT_NOTICE, notice.user_id, write, email=notice.email)
