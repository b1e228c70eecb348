"""`/r/{code}`: shows who invites and what both get; the code is kept until the visitor registers (CONTRACT rule 13)."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    has_request_context,
    make_response,
    render_template,
    request,
)
from flask_login import current_user
from sqlalchemy.orm import Session

from portal.accounts import AFTER_VERIFICATION, NOTES, User
from portal.accounts.web import Access, guarded
from portal.ledger import EarningRules
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.problems import DomainError
from portal.platform.settings import current_settings, listen
from portal.referrals.attribution import Landing, attribute_registration, get_landing
from portal.referrals.converting.completion import complete_referral
from portal.referrals.converting.eligibility import Order
from portal.referrals.rules import ReferralRules
from portal.referrals.web import cookies

log = logging.getLogger(__name__)
bp = Blueprint("referral_landing", __name__)
STATUSES = {"open": 200, "unknown": 404}
GONE = 410
REGISTRATION = ("accounts.register", "accounts.do_register")


@bp.get("/r/<code>")
@guarded(Access.PUBLIC)
def land(code: str) -> Response:
    """Welcome the visitor of an invite link; the first code they followed is the one that is kept."""
    rules = _rules()
    found = get_landing(db.session(), code, now=clock.now(), rules=rules)
    response = make_response(
        render_template(
            "referrals/landing.html",
            state=found.state,
            inviter=found.inviter,
            bonus_points=found.bonus,
            welcome_points=found.welcome,
            member=current_user.is_authenticated,
            on_order=not rules.convert_at_registration,
        ),
        STATUSES.get(found.state, GONE),
    )
    if found.state == "open" and not current_user.is_authenticated:
        if _followed(rules) is None:
            cookies.remember_code(response, found.code, rules.attribution)
        cookies.know_device(response)
    return response


def note_referral(given: Mapping[str, str]) -> dict[str, str]:
    """What a registration stores from its cookies: the code its visitor followed, and the name of their browser."""
    found = {"referral_code": cookies.read_code(given, _rules().attribution), "device": cookies.read_device(given)}
    return {name: value for name, value in found.items() if value is not None}


def bind_registration(session: Session, user: User, noted: Mapping[str, Any], registered_at: datetime) -> None:
    """Bind a user, whose address is now verified, to the code they followed before they registered.

    Completes the referral at once if the programme converts at registration.
    """
    rules, code = _rules(), noted.get("referral_code")
    if code is None:
        return
    if has_request_context() and cookies.read_code(request.cookies, rules.attribution) == code:
        after_this_request(cookies.forget_code)
    invite = attribute_registration(
        session, code, user, device=noted.get("device"), now=clock.now(), at=registered_at, rules=rules
    )
    if invite is not None and rules.convert_at_registration:
        _complete(session, invite.code, user.id, rules)


def init_app(app: Flask) -> None:
    """Take part in registrations, and let their page say who invited."""
    listen(app, NOTES, note_referral)
    listen(app, AFTER_VERIFICATION, bind_registration)
    app.context_processor(_inviter)


def _complete(session: Session, code: str, user_id: str, rules: ReferralRules) -> None:
    earning = EarningRules.of(current_settings())
    try:
        with session.begin_nested():
            complete_referral(
                session,
                code,
                user_id,
                Order(at_registration=True),
                Act("system:registration", clock.now()),
                rules=rules,
                earning=earning,
            )
    except DomainError as refusal:
        log.warning("referral not completed at registration", extra={"code": refusal.code})


def _inviter() -> Document:
    """Template context of the registration page: the first name of the visitor's inviter."""
    if not has_request_context() or request.endpoint not in REGISTRATION:
        return {}
    found = _followed(_rules())
    return {"inviter": found.inviter} if found else {}


def _followed(rules: ReferralRules) -> Landing | None:
    """The invite this browser followed first, while it is open."""
    code = cookies.read_code(request.cookies, rules.attribution)
    if code is None:
        return None
    found = get_landing(db.session(), code, now=clock.now(), rules=rules)
    return found if found.state == "open" else None


def _rules() -> ReferralRules:
    return ReferralRules.of(current_settings())
