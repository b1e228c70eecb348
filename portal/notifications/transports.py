"""Which backend serves each channel under the current settings."""

from collections.abc import Callable
from functools import partial

from portal.config import Settings, SettingsError
from portal.notifications.channels import Envelope, Receipt, email, preview, push, sms, smtp_connection
from portal.notifications.models import ChannelName
from portal.platform.outbound import Client, Policy

Send = Callable[[Envelope], Receipt]


def transport(settings: Settings, channel: ChannelName) -> Send:
    """The function that sends on a channel: its provider, or the preview inbox if none is set."""
    if channel is ChannelName.EMAIL and settings.email_url:
        server = smtp_connection.Server.parse(settings.email_url)
        return partial(email.send, server=server, sender=settings.email_sender)
    if channel is ChannelName.SMS and settings.sms_url:
        return partial(sms.send, url=settings.sms_url)
    if channel is ChannelName.PUSH and settings.vapid_private_key:
        client = Client(push_policy(settings))
        return partial(push.send, keys=push.Keys(settings.vapid_private_key, settings.email_from, client))
    return preview.send


def push_policy(settings: Settings) -> Policy:
    """Which push services a browser may subscribe at, and a worker may call."""
    return push.services_policy(settings.push_services, production=settings.production)


def check(settings: Settings) -> None:
    """Refuse providers that could never send a message.

    :raises portal.config.SettingsError: if a setting cannot work; the message names it.
    """
    checks = {"email_url": smtp_connection.Server.parse, "sms_url": sms.check_url, "vapid_private_key": push.public_key}
    for name, examine in checks.items():
        value = getattr(settings, name)
        try:
            if value:
                examine(value)
        except ValueError as error:
            raise SettingsError(f"Cannot start: {name.upper()}: {error}") from error
