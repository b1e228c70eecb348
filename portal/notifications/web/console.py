"""The console of messages: what was sent and what was not, and the preview inbox."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import text

from portal.accounts.web import Access, current, guarded
from portal.notifications.kinds import ACCOUNT_NOTICE, PASSWORD_RESET, VERIFY_ADDRESS
from portal.notifications.web.labels import STATUSES
from portal.notifications.web.tables import MESSAGES, PREVIEW
from portal.platform.console.acts import show, show_mail, show_table
from portal.platform.db.reads import read_one
from portal.platform.problems import Forbidden, NotFound

bp = Blueprint("messages_console", __name__, url_prefix="/admin/messages")

# Kinds whose content lets its reader sign in, or tells where an admin signed in.
SECRET = (PASSWORD_RESET.name, VERIFY_ADDRESS.name, ACCOUNT_NOTICE.name)
_ONE = text("""
    SELECT id, kind, channel, user_id, recipient, subject, body_text, body_html, created_at
    FROM messages WHERE id = :id AND backend = 'preview'
""")


class Previewed(NamedTuple):
    """A message that went to the preview inbox."""

    id: UUID
    kind: str
    channel: str
    user_id: str | None
    recipient: str | None
    subject: str | None
    body_text: str | None
    body_html: str | None
    created_at: datetime


@bp.get("")
@guarded(Access.CONSOLE)
def sent() -> Response:
    """All stored messages, newest first, with how they ended and why."""
    return show_table(MESSAGES, "console/messages/sent.html", statuses=STATUSES)


@bp.get("/preview")
@guarded(Access.CONSOLE)
def inbox() -> Response:
    """The preview inbox: messages on channels without a provider."""
    return show_table(PREVIEW, "console/messages/inbox.html")


@bp.get("/preview/<ulid:message_id>")
@guarded(Access.CONSOLE)
def preview(message_id: UUID) -> Response:
    """One message of the inbox as its reader would see it."""
    return show("console/messages/preview.html", message=_message(message_id))


@bp.get("/preview/<ulid:message_id>/html")
@guarded(Access.CONSOLE)
def preview_html(message_id: UUID) -> Response:
    """The HTML of a message, for the frame in its preview page."""
    message = _message(message_id)
    if not message.body_html:
        raise NotFound
    return show_mail(message.body_html)


def _message(message_id: UUID) -> Previewed:
    row = read_one(_ONE, {"id": message_id}, Previewed)
    if row is None:
        raise NotFound
    if row.kind in SECRET and not current().owns_programme:
        raise Forbidden("This message is about how somebody signs in, so that only admins open it.")
    return row
