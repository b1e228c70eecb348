"""The "For you" rail as part of any page, what a member does with its cards, and the page after a checkout."""

from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal import checkout
from portal.accounts.web import Access, current_user_id, guarded, in_parts, safe_next
from portal.checkout import CheckoutRules, IntentNotFound
from portal.hub.rail import POLL_AFTER_SECONDS, Rail, get_rail, read_rail
from portal.nudges import NudgeNotFound, update_nudge_status
from portal.orders import OrderRules, read_arrival, tell_reason
from portal.platform import clock
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.settings import current_settings
from portal.platform.web.responses import by_htmx

bp = Blueprint("rail", __name__)
ORDER_SHOWN = 60


@bp.get("/account/loyalty/for-you")
@guarded(Access.PAGE)
@in_parts
def show() -> AnyResponse:
    """The rail for HTMX, which polls it; everyone else is redirected to the hub."""
    if not by_htmx():
        return redirect(url_for("hub.loyalty", _anchor="for-you"), 303)
    return make_response(_render(_rail(read_rail), fragment=True))


@bp.post("/account/loyalty/next-actions/<ulid:intent_id>/dismiss")
@guarded(Access.PAGE)
def dismiss_action(intent_id: UUID) -> AnyResponse:
    """Dismiss a next action, and with it the nudge about it. The checkout itself may continue."""

    def dismiss(intent: UUID) -> None:
        checkout.resolve_intent(db.session(), current_user_id(), intent, checkout.Resolution.RESOLVED, now=clock.now())

    return _act(intent_id, dismiss, "Put away. We won’t bring it up again.")


@bp.post("/account/loyalty/nudges/<ulid:nudge_id>/dismiss")
@guarded(Access.PAGE)
def dismiss_nudge(nudge_id: UUID) -> AnyResponse:
    """Dismiss a nudge until a new cause makes another."""
    return _act(nudge_id, _answer_with("dismissed"), "Put away. We won’t bring it up again.")


@bp.post("/account/loyalty/nudges/<ulid:nudge_id>/acknowledge")
@guarded(Access.PAGE)
def acknowledge_nudge(nudge_id: UUID) -> AnyResponse:
    """Acknowledge a nudge: it stays, and no message about it is sent."""
    return _act(nudge_id, _answer_with("acknowledged"), "Noted. You won’t get a message about it.")


@bp.get("/checkout/success")
@guarded(Access.PUBLIC)
def thank() -> Response:
    """The page after a checkout: thanks, what the order has earned, and for members their rail."""
    order = "".join(character for character in request.args.get("order", "") if character.isprintable()).strip()
    shown = order if len(order) <= ORDER_SHOWN else f"{order[: ORDER_SHOWN - 1]}…"
    member = current_user.is_authenticated
    return make_response(
        render_template("checkout/success.html", order=shown, member=member, user=current_user, arrival=_arrival(order))
    )


def render_rail() -> Markup:
    """The rail of the signed-in member, for a page to include; it works without JavaScript."""
    return _render(_rail(read_rail))


def _arrival(reference: str) -> Document | None:
    """What the order of that reference brings whoever looks at the page, in words where it brings nothing."""
    user_id = current_user.id if current_user.is_authenticated else None
    found = read_arrival(db.session(), reference, user_id, OrderRules.of(current_settings()), clock.now())
    if found is None:
        return None
    return {**asdict(found), "reason": tell_reason(found.reason)["sentence"] if found.reason else ""}


def _answer_with(status: str) -> Callable[[UUID], None]:
    def answer(nudge: UUID) -> None:
        update_nudge_status(db.session(), current_user_id(), nudge, status, clock.now())

    return answer


def _act(shown: UUID, act: Callable[[UUID], None], done: str) -> AnyResponse:
    """Carry out an act on a card, then show the new rail to HTMX, or redirect others to the page they were on."""
    try:
        with db.session.begin_nested():
            act(shown)
    except (IntentNotFound, NudgeNotFound):
        done = "That one was gone already."
    if by_htmx():
        return make_response(_render(_rail(get_rail), fragment=True, news=done))
    flash(done, "success")
    return redirect(safe_next(request.form.get("next")) or url_for("hub.loyalty"), 303)


def _rail(get: Callable[..., Rail]) -> Rail:
    rules = CheckoutRules.of(current_settings())
    return get(db.session(), current_user_id(), now=clock.now(), rules=rules)


def _render(rail: Rail, *, fragment: bool = False, news: str = "") -> Markup:
    here = request.full_path.rstrip("?") if request.method == "GET" else request.path
    page = render_template(
        "hub/_rail.html", rail=rail, fragment=fragment, news=news, here=here, poll_after=POLL_AFTER_SECONDS
    )
    return Markup(page)  # noqa: S704 - a template has escaped it
