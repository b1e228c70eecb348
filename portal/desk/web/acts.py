"""Operators' acts on a member, each with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from portal import accounts, ledger, members
from portal.accounts import get_user
from portal.accounts.web import Access, acting, current, guarded
from portal.desk.reads import get_card
from portal.desk.resend import get_invite, get_message, resend_invite, resend_message
from portal.desk.web.forms import AdjustForm, WriteOffForm
from portal.notifications import MessageStatus
from portal.platform.console.acts import Question, ask, attempt, done
from portal.platform.db import db
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict, Forbidden
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm
from portal.referrals import ReferralRules
from portal.tiers import enrol

bp = Blueprint("member_acts", __name__, url_prefix="/admin/members")


@dataclass(frozen=True, slots=True)
class Verb:
    """An act: its button, what it does, its past tense, and the service that does it."""

    label: str
    consequence: str
    past: str
    act: Callable[..., object]
    danger: bool = True
    over_staff: bool = True


VERBS = {
    "suspend": Verb(
        "Suspend membership",
        "They keep their points, which expire as always, and can still sign in. They can neither redeem nor invite, "
        "and their links bring no new friends. Open requests stay for you to decide. Orders earn nothing until they "
        "are active again, pending points wait, and events bring nothing.",
        "The membership is suspended.",
        partial(members.set_status, status="suspended"),
        over_staff=False,
    ),
    "reactivate": Verb(
        "Reactivate membership",
        "They can redeem and invite again. What their orders have earned meanwhile follows in a moment.",
        "The membership is active again.",
        partial(members.set_status, status="active"),
        danger=False,
        over_staff=False,
    ),
    "sign-out": Verb(
        "Sign out everywhere",
        "Every browser they are signed in with asks for their password at its next request.",
        "They are signed out everywhere.",
        accounts.sign_out_user,
    ),
    "disable": Verb(
        "Disable sign-in",
        "They are signed out everywhere, cannot sign in, and get no messages. Points stay, and the shop's own systems "
        "can still spend them; suspend the membership to stop that. Tokens they made end.",
        "They cannot sign in any more.",
        accounts.disable_user,
    ),
    "enable": Verb(
        "Enable sign-in",
        "They can sign in again with their password.",
        "They can sign in again.",
        accounts.enable_user,
        danger=False,
    ),
}


@bp.route("/<user_id>/adjust", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def adjust(user_id: str) -> AnyResponse:
    """Add points, or take some away."""
    form, back = AdjustForm(), _page_of(user_id)
    question = Question(
        f"Adjust points of {_name(user_id)}",
        "Adjust",
        back,
        "Points that are added count towards tiers, unless you say otherwise.",
    )
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(_adjust, db.session(), user_id, form))
    return ask(form, question, problem) if problem else done("The points are adjusted.", back)


@bp.route("/<user_id>/write-off", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def write_off(user_id: str) -> AnyResponse:
    """Give up points that they owe."""
    owed, back = get_card(user_id).owed or 0, _page_of(user_id)
    if not owed:
        return done("They owe no points.", back, "info")
    form = WriteOffForm(data={"points": owed})
    form.owed = owed
    question = Question(
        f"Write off what {_name(user_id)} owes?",
        "Write off",
        back,
        f"All of it: {grouped(owed)} → 0 points owed. Later points pay it no more, and it cannot be asked for again.",
        danger=True,
    )
    if not form.validate_on_submit():
        return ask(form, question)
    points: int = form.points.data or 0
    problem = attempt(partial(_write_off, db.session(), user_id, points, form.reason.data or ""))
    left = f"{grouped(owed)} → {grouped(owed - points)}"
    return ask(form, question, problem) if problem else done(f"Written off: {left} points owed.", back)


@bp.route('/<user_id>/<any(suspend, reactivate, "sign-out", disable, enable):verb>', methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def act(user_id: str, verb: str) -> AnyResponse:
    """Change what a member may do."""
    wanted = VERBS[verb]
    question = Question(
        f"{wanted.label}: {_name(user_id)}?", wanted.label, _page_of(user_id), wanted.consequence, wanted.danger
    )
    return _with_reason(question, wanted.past, partial(_carry_out, wanted, user_id))


@bp.route("/<user_id>/messages/<ulid:message_id>/resend", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def resend_a_message(user_id: str, message_id: UUID) -> AnyResponse:
    """Send a message again that failed, or whose end is unknown."""
    unsure = get_message(db.session(), user_id, message_id).status == MessageStatus.UNCERTAIN
    consequence = "It may have arrived: they may get it twice." if unsure else "It has certainly not arrived."
    question = Question(
        "Send this message again?",
        "Send again",
        url_for("members_console.show_messages", user_id=user_id),
        consequence,
        unsure,
    )
    return _with_reason(
        question, "The message is on its way again.", partial(_resend, resend_message, user_id, message_id)
    )


@bp.route("/<user_id>/referrals/<ulid:invite_id>/resend", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def resend_an_invite(user_id: str, invite_id: UUID) -> AnyResponse:
    """Send an open invite to the friend once more."""
    get_invite(db.session(), user_id, invite_id)
    question = Question(
        "Send this invite again?",
        "Send again",
        url_for("members_console.show_referrals", user_id=user_id),
        "The friend gets the same link once more, unless they asked for no more mail.",
    )
    act = partial(resend_invite, rules=ReferralRules.of(current_settings()))
    return _with_reason(question, "The invite is on its way again.", partial(_resend, act, user_id, invite_id))


def _with_reason(question: Question, past: str, carry_out: Callable[[str], object]) -> AnyResponse:
    form = ReasonForm()
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(carry_out, form.reason.data or ""))
    return ask(form, question, problem) if problem else done(past, question.back)


def _carry_out(verb: Verb, user_id: str, reason: str) -> None:
    session = db.session()
    if verb.over_staff and get_user(session, user_id).role != "member" and not current().owns_programme:
        raise Forbidden("Only an admin may do this to an operator or admin.")
    verb.act(session, user_id, act=acting(reason))


def _resend(service: Callable[..., None], user_id: str, key: UUID, reason: str) -> None:
    service(db.session(), user_id, key, acting(reason))


def _adjust(session: Session, user_id: str, form: AdjustForm) -> None:
    given: Any = form.data
    act, rules = acting(given["reason"]), ledger.EarningRules.of(current_settings())
    try:
        ledger.adjust_points(
            session,
            enrol(session, user_id).id,
            given["points"],
            act,
            rules=rules,
            expires_at=form.expires_at(act.now, rules),
            metadata={},
            description=given["description"],
            note=given["note"],
            counts_towards_tiers=not given["outside_tiers"],
        )
    except ledger.InsufficientPoints as error:
        available = grouped(error.extra["available"])
        raise Conflict(
            f"Only {available} points are free to take: what is on hold or already spent cannot be taken away. "
            "Nothing was changed."
        ) from error


def _write_off(session: Session, user_id: str, points: int, reason: str) -> None:
    ledger.write_off(session, enrol(session, user_id).id, points, acting(reason))


def _name(user_id: str) -> str:
    user = get_user(db.session(), user_id)
    return user.name or user.email or user.id


def _page_of(user_id: str) -> str:
    return url_for("members_console.show_member", user_id=user_id)
