"""Pages to register, and to confirm the address that somebody registered with."""

from uuid import UUID

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import registration, verification
from portal.accounts.preferences import Origin
from portal.accounts.registration import Applicant, RegistrationRules
from portal.accounts.web import browser
from portal.accounts.web.browser import safe_next
from portal.accounts.web.forms import ConfirmForm, ForgotPasswordForm, RegisterForm
from portal.accounts.web.guards import Access, guarded
from portal.accounts.web.pages import bp, go_on
from portal.platform import ids
from portal.platform.db import db
from portal.platform.problems import InvalidInput, RateLimited
from portal.platform.settings import current_settings
from portal.platform.web import limits

GONE = 410
ENOUGH = "You have asked for several links today. Look for the newest one in your mail, or try again tomorrow."


@bp.get("/register")
@guarded(Access.PUBLIC)
def register() -> AnyResponse:
    """Ask what a new member's account needs; somebody who is signed in is redirected."""
    if current_user.is_authenticated:
        return go_on(request.args.get("next"), current_user.role)
    return _register_page(RegisterForm(formdata=None, next=safe_next(request.args.get("next"))))


@bp.post("/register")
@guarded(Access.PUBLIC)
def do_register() -> AnyResponse:
    """Make the account and mail a link; an address that has one already gets the same answer."""
    limits.check_sign_in()
    form = RegisterForm()
    if not form.validate():
        return _register_page(form, 422)
    try:
        made = registration.register(db.session(), _applicant(form), _rules())
    except RateLimited as error:
        form.form_errors.append(f"Too many people have joined from your network today. {error.detail}")
        return _register_page(form, error.status, error.headers)
    return _sent(form.email.data or "", made)


@bp.get("/register/sent")
@guarded(Access.PUBLIC)
def registered() -> Response:
    """Say where the link was sent, and what to do when nothing comes."""
    _, email = browser.read_registration()
    form = ForgotPasswordForm(formdata=None, email=email) if email else None
    hours = current_settings().verification_link_hours
    return make_response(render_template("accounts/registered.html", email=email, form=form, hours=hours))


@bp.get("/register/again")
@guarded(Access.PUBLIC)
def ask_again() -> Response:
    """Ask for the address that another link goes to."""
    return make_response(render_template("accounts/ask_again.html", form=ForgotPasswordForm(formdata=None)))


@bp.post("/register/again")
@guarded(Access.PUBLIC)
def do_ask_again() -> AnyResponse:
    """Mail another link, if the address waits for one; the answer is the same if it does not."""
    limits.check_sign_in()
    form = ForgotPasswordForm()
    if not form.validate():
        return make_response(render_template("accounts/ask_again.html", form=form), 422)
    email = form.email.data or ""
    registration.ask_again(db.session(), email, caller=limits.caller_address(), rules=_rules())
    flash("If that address waits for a link, another one is on its way.", "info")
    return _sent(email)


@bp.get("/register/confirm/<token>")
@guarded(Access.PUBLIC)
def confirm(token: str) -> Response:
    """Show what the link does. Following it changes nothing: mail scanners follow links too."""
    link = verification.find_link(db.session(), token, browser.opener())
    return _confirm_page(ConfirmForm(formdata=None) if link else None, link)


@bp.post("/register/confirm/<token>")
@guarded(Access.PUBLIC)
def do_confirm(token: str) -> AnyResponse:
    """Verify the address and sign its owner in."""
    limits.check_sign_in()
    form, opener = ConfirmForm(), browser.opener()
    consent = Origin("registration", limits.caller_address()) if form.marketing_messages.data else None
    try:
        link = verification.confirm(db.session(), token, opener, form.password.data or "", consent)
    except InvalidInput as error:
        form.password.errors = [item["message"] for item in error.errors]
        return _confirm_page(form, verification.find_link(db.session(), token, opener), 422)
    if link is None:
        return _confirm_page(form, None)
    browser.sign_in(db.session(), link.user)
    flash("Your address is confirmed. Welcome!", "success")
    if link.user.password_hash is None:
        flash("To sign in with a password next time, choose one by “Forgot your password?”.", "info")
    return go_on(link.registration.next_page, link.user.role)


@bp.post("/account/address/confirm")
@guarded(Access.PAGE)
def confirm_own_address() -> AnyResponse:
    """Mail the signed-in user another link to confirm their address."""
    try:
        made = None
        if current_user.email and not current_user.verified:
            made = registration.ask_again(
                db.session(), current_user.email, caller=limits.caller_address(), rules=_rules()
            )
    except RateLimited:
        made = None
    if made is not None:
        flash(f"A link is on its way to {current_user.email}.", "success")
    elif not current_user.verified:
        flash(ENOUGH, "error")
    return go_on(None, current_user.role)


def _sent(email: str, made: UUID | None = None) -> AnyResponse:
    """Redirect to the page that says where to look; the browser stores the registration it made.

    Without one, it keeps the one it has for this address, or stores an id that leads nowhere.
    """
    response = redirect(url_for("accounts.registered"), 303)
    _, remembered = browser.read_registration()
    if made is not None or remembered != email:
        browser.remember_registration(response, made or ids.new_id(), email)
    return response


def _applicant(form: RegisterForm) -> Applicant:
    return Applicant(
        name=form.name.data or "",
        email=form.email.data or "",
        password=form.password.data or "",
        consent=form.marketing_messages.data,
        caller=limits.caller_address(),
        next_page=safe_next(form.next.data) or "",
        remembered=registration.read_notes(request.cookies),
    )


def _rules() -> RegistrationRules:
    return RegistrationRules.of(current_settings())


def _register_page(form: RegisterForm, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return make_response(render_template("accounts/register.html", form=form), status, headers or {})


def _confirm_page(form: ConfirmForm | None, link: verification.Link | None, status: int = 200) -> Response:
    page = render_template("accounts/confirm.html", form=form, link=link)
    return make_response(page, status if link else GONE)
