"""Consumers of the outbox: each message becomes at most one message to a person."""

from typing import Any

from flask import current_app

from portal.accounts.models import AccountNotice, User
from portal.accounts.notices import TOPIC as NOTICE_TOPIC
from portal.accounts.passwords import make_reset_token
from portal.accounts.reset import TOPIC as RESET_TOPIC
from portal.core import ids
from portal.core.db import unit_of_work
from portal.core.outbox import Claimed, consumes
from portal.notifications.kinds import ACCOUNT_NOTICE, PASSWORD_RESET
from portal.notifications.recipients import Recipient
from portal.notifications.rendering import Content, render
from portal.notifications.service import send_loyalty_tier_upgrade, send_to_user
from portal.notifications.words import describe_browser
from portal.tiers.service import UPGRADE_TOPIC


def key_of(message: Claimed) -> str:
    """The name under which the message to a person is sent once."""
    return f"outbox:{ids.encode(message.id)}"


@consumes(UPGRADE_TOPIC)
def announce_tier(message: Claimed) -> None:
    """Announce a tier upgrade."""
    member_id, change_id = (ids.parse(message.payload[name]) for name in ("member_id", "change_id"))
    send_loyalty_tier_upgrade(key_of(message), member_id, change_id)


@consumes(RESET_TOPIC)
def send_password_reset(message: Claimed) -> None:
    """Send the link to choose a new password, whatever the user thinks of marketing."""
    with unit_of_work() as session:
        user = session.get(User, message.payload["user_id"])
        token = make_reset_token(user) if user is not None else ""
    minutes = current_app.config["SETTINGS"].password_reset_minutes

    def write(recipient: Recipient, _: str | None) -> Content:
        context: dict[str, Any] = {"first_name": recipient.first_name, "minutes": minutes}
        return render(
            PASSWORD_RESET, context, path=f"/password/reset/{token}", locale=recipient.locale,
            timezone=recipient.timezone,
        )  # fmt: skip

    send_to_user(key_of(message), PASSWORD_RESET, message.payload["user_id"], write)


@consumes(NOTICE_TOPIC)
def send_account_notice(message: Claimed) -> None:
    """Tell the owner of an account what was done to it, whatever they think of marketing."""
    with unit_of_work() as session:
        notice = session.get(AccountNotice, ids.parse(message.payload["notice_id"]))
    if notice is None:
        return
    # Who reads the mail of an address that the account no longer has can choose no new password for it.
    path = "/password/forgot" if notice.email is None else "/"
    context: dict[str, Any] = {
        "notice": notice.notice,
        "at": notice.at,
        "browser": describe_browser(notice.browser),
        "address": notice.address,
        "is_old_address": notice.email is not None,
    }

    def write(recipient: Recipient, _: str | None) -> Content:
        return render(
            ACCOUNT_NOTICE,
            {**context, "first_name": "" if notice.email else recipient.first_name},
            path=path,
            locale=recipient.locale,
            timezone=recipient.timezone,
        )

    send_to_user(key_of(message), ACCOUNT_NOTICE, notice.user_id, write, email=notice.email)
