"""Pages for a forgotten password."""

from flask import Response, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import reset
from portal.accounts.models import User
from portal.accounts.passwords import password_problem
from portal.accounts.web.forms import ForgotPasswordForm, ResetPasswordForm
from portal.accounts.web.guards import Access, guarded
from portal.accounts.web.pages import bp
from portal.platform.db import db
from portal.platform.settings import current_settings
from portal.platform.web import limits

GONE = 410


@bp.get("/password/forgot")
@guarded(Access.PUBLIC)
def forgot_password() -> Response:
    """Ask for the address that the link goes to."""
    return make_response(render_template("accounts/forgot_password.html", form=ForgotPasswordForm(formdata=None)))


@bp.post("/password/forgot")
@guarded(Access.PUBLIC)
def do_forgot_password() -> AnyResponse:
    """Ask for a reset link; known and unknown addresses get the same answer."""
    limits.check_sign_in()
    form = ForgotPasswordForm()
    if not form.validate():
        return make_response(render_template("accounts/forgot_password.html", form=form), 422)
    reset.request_reset(db.session(), form.email.data or "")
    return redirect(url_for("accounts.password_sent"), 303)


@bp.get("/password/sent")
@guarded(Access.PUBLIC)
def password_sent() -> Response:
    """Say where to look."""
    return make_response(render_template("accounts/password_sent.html"))


@bp.get("/password/reset/<token>")
@guarded(Access.PUBLIC)
def reset_password(token: str) -> Response:
    """Ask for the new password, while the link works."""
    user = _user_of(token)
    form = ResetPasswordForm(formdata=None) if user else None
    return make_response(render_template("accounts/reset_password.html", form=form), 200 if user else GONE)


@bp.post("/password/reset/<token>")
@guarded(Access.PUBLIC)
def do_reset_password(token: str) -> AnyResponse:
    """Set the new password and end every session of the user."""
    limits.check_sign_in()
    user = _user_of(token)
    if user is None:
        return _gone()
    form = ResetPasswordForm()
    problem = password_problem(form.password.data or "", user.email or "") if form.validate() else None
    if problem:
        form.password.errors = [problem]
    if form.errors:
        return make_response(render_template("accounts/reset_password.html", form=form), 422)
    if reset.set_password(db.session(), token, _minutes(), form.password.data or "") is None:
        return _gone()
    flash("Your new password is set. Sign in with it.", "success")
    return redirect(url_for("accounts.login"), 303)


def _gone() -> Response:
    return make_response(render_template("accounts/reset_password.html", form=None), GONE)


def _user_of(token: str) -> User | None:
    return reset.find_by_reset_token(db.session(), token, _minutes())


def _minutes() -> int:
    return int(current_settings().password_reset_minutes)
