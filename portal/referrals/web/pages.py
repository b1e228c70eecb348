"""The referral dashboard: invite, share, follow up."""

from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, current_user_id, guarded
from portal.members.web import asks_staff
from portal.platform import clock
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.problems import DomainError
from portal.platform.settings import current_settings
from portal.platform.web.responses import by_htmx
from portal.referrals import problems, reads
from portal.referrals.invites import create_invite, qr_svg
from portal.referrals.rules import ReferralRules
from portal.referrals.segments import DEFINITIONS, get_segment_of
from portal.referrals.standing import cancel_invite, note_device
from portal.referrals.web import cookies, sentences
from portal.referrals.web.forms import InviteForm
from portal.tiers import enrol

bp = Blueprint("referrals", __name__)


@bp.get("/account/referrals")
@guarded(Access.PAGE)
@asks_staff
def dashboard() -> Response:
    """The dashboard of the signed-in member."""
    device = cookies.read_device(request.cookies)
    page = _page(InviteForm(formdata=None), cursor=request.args.get("cursor"))
    if device is not None:
        note_device(db.session(), current_user_id(), device)
    return page


@bp.post("/account/referrals")
@guarded(Access.PAGE, undone="Nobody was invited.")
@asks_staff
def create() -> AnyResponse:
    """Invite someone. The same form submitted twice counts once."""
    form = InviteForm()
    if not form.validate():
        return _page(form, 422)
    invitation = form.invitation(cookies.read_device(request.cookies))
    try:
        with db.session.begin_nested():
            invite = create_invite(db.session(), current_user_id(), invitation, now=clock.now(), rules=_rules())
    except DomainError as error:
        flash(sentences.refusal(error), "error")
        return _page(form, 422)
    flash(sentences.made(invite), "success" if invite.not_sent_reason is None else "info")
    return _done()


@bp.post("/account/referrals/<ulid:referral_id>/cancel")
@guarded(Access.PAGE, undone="Nothing was cancelled.")
def cancel(referral_id: UUID) -> AnyResponse:
    """Cancel one of the member's own open invites."""
    try:
        with db.session.begin_nested():
            cancel_invite(db.session(), referral_id, acting(), only_user_id=current_user_id())
        flash("The invite is cancelled. Its link no longer works.", "success")
    except problems.NotCancellable as error:
        flash(sentences.refusal(error), "error")
    return _done()


def _done() -> AnyResponse:
    if by_htmx():
        return _page(InviteForm(formdata=None))
    return redirect(url_for("referrals.dashboard"), 303)


def _page(form: InviteForm, status: int = 200, cursor: str | None = None) -> Response:
    """The dashboard, or for HTMX its panel, read in the current transaction."""
    template = "referrals/_panel.html" if by_htmx() else "referrals/dashboard.html"
    response = make_response(render_template(template, form=form, user=current_user, **_context(cursor)), status)
    cookies.know_device(response)
    return response


def _context(cursor: str | None) -> Document:
    session, user_id, now, rules = db.session(), current_user_id(), clock.now(), _rules()
    member = enrol(session, user_id)
    invites = reads.list_dashboard(session, user_id, now=now, rules=rules, cursor=cursor)
    link = rules.link(member.referral_code)
    return {
        "now": now,
        "referrals": invites["referrals"],
        "quota": invites["quota"],
        "next_cursor": invites["nextCursor"],
        "older": cursor is not None,
        "conversions": reads.list_conversions(user_id, now=now, rules=rules, limit=1, session=session),
        "segments": {"mySegment": get_segment_of(user_id, now, session), "definitions": DEFINITIONS},
        "share": {"url": link, "qr_svg": qr_svg(link)},
        "offer": {"bonus": rules.bonus, "welcome": rules.welcome, "on_order": not rules.convert_at_registration},
    }


def _rules() -> ReferralRules:
    return ReferralRules.of(current_settings())
