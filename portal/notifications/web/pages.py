"""Preferences of the signed-in member, and unsubscribe links."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import (
    BIRTHDAY_NOTICE,
    get_preferences,
    get_user,
    put_birthday,
    put_contact,
    put_preferences,
    put_push_token,
    start_push,
)
from portal.accounts.web import Access, current_user_id, guarded
from portal.notifications.channels.push import endpoint_of, keep_subscription, public_key
from portal.notifications.transports import push_policy
from portal.notifications.unsubscribe import read_token, unsubscribe
from portal.notifications.web.forms import PreferencesForm, values_of
from portal.platform.db import db
from portal.platform.problems import InvalidInput
from portal.platform.settings import current_settings
from portal.platform.web import limits

bp = Blueprint("notifications", __name__)


@bp.get("/account/preferences")
@guarded(Access.PAGE)
def preferences() -> Response:
    """What the member lets us send, where and when, and their birthday."""
    user = get_user(db.session(), current_user_id())
    values = values_of(get_preferences(db.session(), user.id), user.phone_number, user.timezone, user.birthday)
    return _page(PreferencesForm(_zone(), current_user.timezone, formdata=None, data=values))


@bp.post("/account/preferences")
@guarded(Access.PAGE, undone="Nothing was saved.")
def do_preferences() -> AnyResponse:
    """Record what the member has chosen."""
    form = PreferencesForm(_zone(), current_user.timezone)
    if not form.validate():
        return _page(form, 422)
    put_preferences(db.session(), current_user_id(), form.preferences(), form.muted(), place=limits.caller_address())
    put_contact(
        db.session(),
        current_user_id(),
        phone_number=form.phone_number.data or None,
        timezone=form.timezone.data or None,
    )
    put_birthday(db.session(), current_user_id(), form.birthday())
    flash("Your preferences are saved.", "success")
    return redirect(url_for("notifications.preferences"), 303)


@bp.post("/account/preferences/push")
@guarded(Access.PAGE)
def subscribe() -> AnyResponse:
    """Store this browser's subscription, replacing any other device's, and allow push notifications."""
    token = request.form.get("subscription", "")
    try:
        kept = keep_subscription(token, push_policy(current_settings()))
    except ValueError as error:
        raise InvalidInput(("subscription", str(error))) from error
    start_push(db.session(), current_user_id(), kept)
    return Response(status=204)


@bp.post("/account/preferences/push/end")
@guarded(Access.PAGE)
def end_subscription() -> AnyResponse:
    """Send no more notifications to the member's browser."""
    put_push_token(db.session(), current_user_id(), None)
    flash("This account gets no more notifications on a device.", "success")
    return redirect(url_for("notifications.preferences"), 303)


@bp.get("/unsubscribe/<token>")
@guarded(Access.PUBLIC)
def ask_unsubscribe(token: str) -> Response:
    """Ask for confirmation: mail scanners follow links, so a GET must change nothing."""
    whom, _ = read_token(token)
    return make_response(render_template("notifications/unsubscribe.html", done=False, member=whom == "user"))


@bp.post("/unsubscribe/<token>")
@guarded(Access.PUBLIC)
def do_unsubscribe(token: str) -> Response:
    """End marketing messages, by a mail program's one-click (RFC 8058) or by the page's button."""
    unsubscribe(db.session(), token, place=limits.caller_address())
    whom, _ = read_token(token)
    return make_response(render_template("notifications/unsubscribe.html", done=True, member=whom == "user"))


do_unsubscribe.csrf_exempt = True  # type: ignore[attr-defined]  # declared on the function


def _page(form: PreferencesForm, status: int = 200) -> Response:
    user, key = get_user(db.session(), current_user_id()), current_settings().vapid_private_key
    page = render_template(
        "notifications/preferences.html",
        form=form,
        user=current_user,
        email=user.email,
        phone_number=user.phone_number,
        push_key=public_key(key) if key else None,
        subscribed=user.push_token is not None,
        push_endpoint=endpoint_of(user.push_token),
        quiet_hours=current_settings().quiet_hours,
        birthday_notice=BIRTHDAY_NOTICE.days,
    )
    return make_response(page, status)


def _zone() -> str:
    return current_settings().programme_timezone.key
