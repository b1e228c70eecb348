"""Pages to sign in and out, and the blueprint that all account pages share."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.sign_in import SignInRules, authenticate
from portal.accounts.web import browser
from portal.accounts.web.browser import safe_next
from portal.accounts.web.forms import LoginForm
from portal.accounts.web.guards import Access, guarded
from portal.platform.db import db
from portal.platform.problems import RateLimited
from portal.platform.settings import current_settings
from portal.platform.web import limits

bp = Blueprint("accounts", __name__)


@bp.after_request
def keep_nothing(response: Response) -> Response:
    """Let no cache keep account pages: their addresses hold secrets of links, and their forms what somebody typed."""
    response.headers["Cache-Control"] = "no-store"
    return response


WRONG = "That email address and password do not belong together. Check both and try again."


@bp.get("/login")
@guarded(Access.PUBLIC)
def login() -> AnyResponse:
    """Ask for email and password; somebody who is signed in is redirected."""
    if current_user.is_authenticated:
        return go_on(request.args.get("next"), current_user.role)
    return _login_page(LoginForm(formdata=None, next=safe_next(request.args.get("next"))))


@bp.post("/login")
@guarded(Access.PUBLIC)
def do_login() -> AnyResponse:
    """Sign in. A failure is a page, not an exception: it is recorded with the transaction."""
    form = LoginForm()
    if not form.validate():
        return _login_page(form, 422)
    rules = SignInRules.of(current_settings())
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
    return go_on(form.next.data, user.role)


@bp.get("/logout")
@guarded(Access.PUBLIC)
def logout() -> Response:
    """Ask before signing out, for those who follow a link."""
    return make_response(render_template("accounts/logout.html"))


@bp.post("/logout")
@guarded(Access.PUBLIC)
def do_logout() -> AnyResponse:
    """Sign out of this browser, which forgets what it has stored of the pages.

    It clears only the cache: `storage` would end the service worker and with it the notifications that the member has
    asked for, `cookies` would make the device unknown.
    """
    browser.sign_out(db.session())
    flash("You are signed out.", "success")
    response = redirect(url_for("hub.home"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def go_on(target: str | None, role: str) -> AnyResponse:
    """Redirect to the page that somebody was on their way to, else to their home page."""
    home = "hub.loyalty" if role == "member" else "console.home"
    return redirect(safe_next(target) or url_for(home), 303)


def _login_page(form: LoginForm, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return make_response(render_template("accounts/login.html", form=form), status, headers or {})
