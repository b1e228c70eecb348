"""Pages to sign in, sign out and register."""

from flask import Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import browser
from portal.accounts.blueprint import bp
from portal.accounts.forms import LoginForm, RegisterForm
from portal.accounts.guards import Access, guarded
from portal.accounts.next_page import safe_next
from portal.accounts.registration import register as register_user
from portal.accounts.sign_in import SignInRules, authenticate
from portal.accounts.users import EmailTaken
from portal.core import limits
from portal.core.db import db
from portal.core.limits import RateLimited

WRONG = "That email address and password do not belong together. Check both and try again."


@bp.get("/login")
@guarded(Access.PUBLIC)
def login() -> AnyResponse:
    """Ask for email and password; who is signed in goes on."""
    if current_user.is_authenticated:
        return _go_on(request.args.get("next"), current_user.role)
    return _login_page(LoginForm(formdata=None, next=safe_next(request.args.get("next"))))


@bp.post("/login")
@guarded(Access.PUBLIC)
def do_login() -> AnyResponse:
    """Sign in. A failure is a page, not an exception: it is recorded with the transaction."""
    form = LoginForm()
    if not form.validate():
        return _login_page(form, 422)
    rules = SignInRules.of(current_app.config["SETTINGS"])
    try:
        user = authenticate(
            db.session(),
            form.email.data or "",
            form.password.data or "",
            address=limits.caller_address(),
            device=browser.read_device(),
            rules=rules,
        )
    except RateLimited as error:
        form.form_errors.append(f"Too many attempts. {error.detail}")
        return _login_page(form, error.status, error.headers)
    if user is None:
        form.form_errors.append(WRONG)
        return _login_page(form, 422)
    browser.sign_in(db.session(), user)
    return _go_on(form.next.data, user.role)


@bp.get("/logout")
@guarded(Access.PUBLIC)
def logout() -> Response:
    """Ask before signing out, for those who follow a link."""
    return make_response(render_template("accounts/logout.html"))


@bp.post("/logout")
@guarded(Access.PUBLIC)
def do_logout() -> AnyResponse:
    """Sign out of this browser, which forgets what it has stored of the pages.

    Only its cache: `storage` would end the service worker and with it the notifications that the member has asked for,
    `cookies` would make a stranger of the device.
    """
    browser.sign_out(db.session())
    flash("You are signed out.", "success")
    response = redirect(url_for("hub.home"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@bp.get("/register")
@guarded(Access.PUBLIC)
def register() -> AnyResponse:
    """Ask what a new member's account needs; who is signed in goes on."""
    if current_user.is_authenticated:
        return _go_on(request.args.get("next"), current_user.role)
    return _register_page(RegisterForm(formdata=None, next=safe_next(request.args.get("next"))))


@bp.post("/register")
@guarded(Access.PUBLIC)
def do_register() -> AnyResponse:
    """Make the account and sign in."""
    limits.check_sign_in()
    form = RegisterForm()
    if not form.validate():
        return _register_page(form, 422)
    try:
        user = register_user(
            db.session(), name=form.name.data or "", email=form.email.data or "",
            password=form.password.data or "",
            consent=form.marketing_messages.data, cookies=request.cookies,
        )  # fmt: skip
    except EmailTaken:
        form.email.errors = ["There is an account with this address already. Sign in, or ask for a new password."]
        return _register_page(form, 422)
    browser.sign_in(db.session(), user)
    return _go_on(form.next.data, user.role)


def _go_on(target: str | None, role: str) -> AnyResponse:
    home = "hub.loyalty" if role == "member" else "console.home"
    return redirect(safe_next(target) or url_for(home), 303)


def _login_page(form: LoginForm, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return make_response(render_template("accounts/login.html", form=form), status, headers or {})


def _register_page(form: RegisterForm, status: int = 200) -> Response:
    return make_response(render_template("accounts/register.html", form=form), status)
