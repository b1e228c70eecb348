"""The console of access: who works here, which services call, and who is signed in. For admins only."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import access, tokens, users
from portal.accounts import access as staff
from portal.accounts.models import User
from portal.accounts.web.caller import acting
from portal.accounts.web.console_forms import RoleForm, StaffForm, TokenForm
from portal.accounts.web.guards import Access, guarded
from portal.accounts.web.tables import SIGN_INS, STAFF, TOKENS
from portal.platform import clock
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.problems import DomainError
from portal.platform.web import idempotency
from portal.platform.web.forms import OnceForm, ReasonForm

BEGINNING = (
    "Staff begin with a link of their own: a member is signed out, their password no longer works, and they are sent a "
    "link to set a new one."
)
bp = Blueprint("access_console", __name__, url_prefix="/admin/access")

VERBS: dict[str, tuple[str, str, Callable[..., object]]] = {
    "disable": ("Disable sign-in", "They are signed out everywhere and cannot sign in.", access.disable_user),
    "enable": ("Enable sign-in", "They can sign in again.", access.enable_user),
    "sign-out": ("Sign out everywhere", "Every browser they are signed in with asks again.", access.sign_out_user),
}


@bp.get("")
@guarded(Access.CONSOLE_OWNER)
def people() -> Response:
    """Everybody who runs the programme."""
    return show_table(STAFF, "console/access/people.html", verbs=VERBS)


@bp.route("/staff/new", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def add_staff() -> AnyResponse:
    """Let somebody run the programme: a user with this address, or a new one, who is sent a link to set a password."""
    form, back = StaffForm(), url_for("access_console.people")
    add = partial(
        staff.add_staff,
        db.session(),
        acting(form.reason.data or ""),
        email=form.email.data or "",
        name=form.name.data or "",
        role=form.role.data,
    )
    consequence = "Who is not staff yet is signed out and sent a link to set a password."
    return _act(form, Question("Add somebody", "Add", back, consequence), add)


@bp.route("/users/<user_id>/role", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def change_role(user_id: str) -> AnyResponse:
    """Give a user another role; it holds from their next request."""
    user, session = users.get_user(db.session(), user_id), db.session()
    form = RoleForm(role=user.role)
    consequence = BEGINNING if user.role == "member" else f"With fewer rights they are signed out.{_tokens_of(user)}"
    question = Question(
        f"Role of {user.name or user.email or user.id}", "Change role", url_for("access_console.people"), consequence
    )
    change = partial(access.set_role, session, user_id, form.role.data, acting(form.reason.data or ""))
    return _act(form, question, change)


@bp.route('/users/<user_id>/<any(disable, enable, "sign-out"):verb>', methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def act_on_user(user_id: str, verb: str) -> AnyResponse:
    """Disable or enable a user's sign-in, or end their sign-ins."""
    user, form, (label, consequence, service) = users.get_user(db.session(), user_id), ReasonForm(), VERBS[verb]
    question = Question(
        f"{label}: {user.name or user.email or user.id}?",
        label,
        url_for("access_console.people"),
        consequence + (_tokens_of(user) if verb == "disable" else ""),
        verb != "enable",
    )
    act = partial(service, db.session(), user_id, acting(form.reason.data or ""))
    return _act(form, question, act)


@bp.get("/tokens")
@guarded(Access.CONSOLE_OWNER)
def list_tokens() -> Response:
    """The tokens of services, with when each was last used."""
    return show_table(TOKENS, "console/access/tokens.html", {"now": clock.now()})


@bp.route("/tokens/new", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def add_token() -> AnyResponse:
    """Make a token and show its secret, now and never again: it is not even kept to answer a repeated request."""
    form, question = TokenForm(), Question("New token", "Make token", url_for("access_console.list_tokens"))
    idempotency.never_store()
    if not form.validate_on_submit():
        return ask(form, question)
    try:
        with db.session.begin_nested():
            token, secret = tokens.create_token(
                db.session(),
                acting(form.reason.data or ""),
                name=form.name.data or "",
                scopes=form.scopes.data or (),
                days=form.days.data or None,
            )
    except DomainError as error:
        return ask(form, question, error.detail)
    return show("console/access/token.html", token=token, secret=secret)


@bp.route("/tokens/<ulid:token_id>/revoke", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def revoke_token(token_id: UUID) -> AnyResponse:
    """End a token at once."""
    form = ReasonForm()
    question = Question(
        "Revoke this token?", "Revoke", url_for("access_console.list_tokens"), "Its service is refused at once.", True
    )
    revoke = partial(tokens.revoke_token, db.session(), token_id, acting(form.reason.data or ""))
    return _act(form, question, revoke)


@bp.get("/sign-ins")
@guarded(Access.CONSOLE_OWNER)
def list_sign_ins() -> Response:
    """Where staff are signed in."""
    return show_table(SIGN_INS, "console/access/sign_ins.html", {"now": clock.now()})


@bp.route("/sign-ins/<ulid:session_id>/end", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def end_sign_in(session_id: UUID) -> AnyResponse:
    """End one sign-in."""
    form = ReasonForm()
    question = Question(
        "End this sign-in?", "Sign out", url_for("access_console.list_sign_ins"), "The browser asks again.", True
    )
    end = partial(access.end_sign_in, db.session(), session_id, acting(form.reason.data or ""))
    return _act(form, question, end)


def _tokens_of(user: User) -> str:
    """The sentence that says which tokens are revoked, because this user made them; empty if there are none."""
    names = ", ".join(tokens.list_names_of(db.session(), user.id))
    return f" The tokens they made are revoked; make new ones for their services first: {names}." if names else ""


def _act(form: OnceForm, question: Question, act: Callable[[], object]) -> AnyResponse:
    """Show the question, or carry out the act that it asked about and go back."""
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(act)
    return ask(form, question, problem) if problem else done("Done.", question.back)
