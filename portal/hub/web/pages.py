"""The loyalty hub: what do I have, what can I get, what should I do."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField
from wtforms.validators import Length, Optional, Regexp

from portal import checkout, redemptions
from portal.accounts.web import Access, acting, current_user_id, guarded
from portal.checkout import CheckoutRules, IntentNotFound
from portal.earning import RuleKind, list_ways_of
from portal.hub import catalogue, sentences
from portal.hub.beside import get_beside
from portal.hub.member import get_member_document, get_or_enrol
from portal.hub.timeline import list_timeline
from portal.hub.web.timeline_schemas import TimelineQuery
from portal.ledger import get_explained_entry, labels_of
from portal.members.web import asks_staff
from portal.orders import get_rules_for
from portal.platform import clock, ids
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.formatting import grouped, reader_locale
from portal.platform.problems import DomainError
from portal.platform.settings import current_settings
from portal.platform.web.forms import OnceForm
from portal.platform.web.languages import in_readers_language
from portal.platform.web.responses import by_htmx
from portal.redemptions import HoldRules, RedemptionStatus
from portal.rewards import RewardNotFound
from portal.tiers import enrol, list_tiers

bp = Blueprint("hub", __name__)
NOTHING_REDEEMED = "Nothing was redeemed."


class RedeemForm(OnceForm):
    """Asks once whether to hold the points that the page has shown."""

    expected_points = HiddenField(validators=[Optional(), Length(max=12), Regexp(r"^[0-9]+$")])


@bp.get("/")
@guarded(Access.PUBLIC)
def home() -> AnyResponse:
    """Welcome visitors; members go to their hub."""
    if current_user.is_authenticated:
        return redirect(url_for("hub.loyalty"))
    return make_response(
        render_template("hub/home.html", tiers=list_tiers(db.session()), rewards=catalogue.list_shelf())
    )


@bp.get("/account/loyalty")
@guarded(Access.PAGE)
@asks_staff
def loyalty() -> Response:
    """The hub of the signed-in member; its URL may contain a filter and a cursor of the history."""
    query = TimelineQuery.of_page(request.args)
    timeline = list_timeline(current_user_id(), query.types, cursor_token=query.cursor_token)
    hub = _hub(get_member_document(current_user_id()) or get_or_enrol(current_user_id()))
    return make_response(
        render_template(
            "hub/loyalty.html",
            timeline=timeline,
            kinds=query.types,
            older=query.cursor_token is not None,
            ways=_ways(hub["member"]),
            **get_beside(hub["member"]),
            **hub,
        )
    )


@bp.get("/account/loyalty/points/<ulid:entry_id>")
@guarded(Access.PAGE)
@in_readers_language
def explain(entry_id: UUID) -> Response:
    """Explain a point change of the signed-in member: in the dialog for HTMX, else on a page of its own."""
    entry = get_explained_entry(entry_id, current_user_id())
    title = labels_of(entry["entryType"]).title.format(what=entry["description"])
    template = "hub/_why.html" if by_htmx() else "hub/why.html"
    return make_response(render_template(template, entry=entry, title=title, user=current_user))


def _ways(member: Document) -> list[tuple[RuleKind, str, str]]:
    """What brings this member points now: kind, name, and how much in words."""
    settings, tier = current_settings(), member["tier"]
    rules, ordered = get_rules_for(member["userId"])
    had = (RuleKind.SIGN_UP, RuleKind.FIRST_ORDER) if ordered else (RuleKind.SIGN_UP,)
    return list_ways_of(
        rules,
        tier["slug"] if tier else None,
        clock.now(),
        settings.programme_currency,
        reader_locale(),
        had=had,
    )


@bp.post("/account/loyalty/join")
@guarded(Access.PAGE)
def join() -> AnyResponse:
    """Make the caller a member. This is for staff, who are asked first; joining twice changes nothing."""
    enrol(db.session(), current_user_id())
    flash("You are a member now.", "success")
    return redirect(url_for("hub.loyalty"), 303)


@bp.get("/account/loyalty/rewards/<slug>/redeem")
@guarded(Access.PAGE, undone=NOTHING_REDEEMED)
@asks_staff
def redeem(slug: str) -> Response:
    """Ask before points are held."""
    return _ask(slug, RedeemForm(formdata=None))


@bp.post("/account/loyalty/rewards/<slug>/redeem")
@guarded(Access.PAGE, undone=NOTHING_REDEEMED)
@asks_staff
def do_redeem(slug: str) -> AnyResponse:
    """Request the reward: hold its points. The same form submitted twice counts once."""
    form = RedeemForm()
    if not form.validate():
        return _ask(slug, form, status=422)
    reward, before = _reward(slug)
    try:
        with db.session.begin_nested():
            _reserve(slug, request.args.get("intent"), int(form.expected_points.data or reward["pointsCost"]))
    except DomainError as error:
        return _ask(slug, RedeemForm(formdata=None), sentences.sentence(error), error.status)
    flash(f"Requested: {reward['name']}. Your points are on hold until the shop confirms.", "success")
    return _changed("hub/_result.html", reward=reward, before=before)


def _reserve(slug: str, intent: str | None, expected: int) -> None:
    """Hold the expected points; with an `intent` from a checkout's reminder, confirm that, once across all devices."""
    session, user_id, settings = db.session(), current_user_id(), current_settings()
    act = acting()
    if intent is None:
        wish = redemptions.Wish(slug, expected_points=expected)
        redemptions.reserve_points(session, user_id, wish, act, rules=HoldRules.of(settings))
        return
    parsed = ids.parse(intent)
    if parsed is None:
        raise IntentNotFound
    rules = CheckoutRules.of(settings)
    checkout.confirm_intent(session, user_id, parsed, slug, act, rules=rules, expected_points=expected)


@bp.post("/account/loyalty/redemptions/<ulid:redemption_id>/cancel")
@guarded(Access.PAGE, undone="Nothing was cancelled.")
def cancel_hold(redemption_id: UUID) -> AnyResponse:
    """Cancel one of the member's own open requests: its points are available again."""
    try:
        with db.session.begin_nested():
            cancelled = redemptions.release_redemption(
                db.session(),
                redemption_id,
                RedemptionStatus.CANCELLED,
                acting("cancelled_by_member"),
                only_user_id=current_user_id(),
            )
        flash(f"Your {grouped(cancelled.points)} points are back.", "success")
    except redemptions.NotPending as error:
        flash(sentences.sentence(error), "error")
    return _changed()


@bp.post("/account/loyalty/redemptions/<ulid:redemption_id>/retry")
@guarded(Access.PAGE, undone=NOTHING_REDEEMED)
def retry(redemption_id: UUID) -> AnyResponse:
    """Retry one of the member's own failed redemptions. Retrying twice counts once."""
    try:
        with db.session.begin_nested():
            again = redemptions.retry_redemption(
                db.session(), current_user_id(), redemption_id, acting(), rules=HoldRules.of(current_settings())
            )
        flash(sentences.asked_again(again.description, again.points), "success")
    except redemptions.RedemptionNotFound:
        raise
    except DomainError as error:
        flash(sentences.sentence(error), "error")
    return _changed()


def _changed(part: str = "hub/_changed.html", **context: Any) -> AnyResponse:
    """The response after an act: for HTMX the changed parts of the hub, whose history then reloads; else a redirect."""
    if not by_htmx():
        return redirect(url_for("hub.loyalty"), 303)
    response = make_response(render_template(part, **context, **_hub(get_or_enrol(current_user_id()))))
    response.headers["HX-Trigger"] = "timeline-changed"
    return response


def _hub(member: Document) -> Document:
    """The template context of everything that an act may change, for this member (a Member document)."""
    return {
        "user": current_user,
        "member": member,
        "rewards": catalogue.list_rewards_for(member["userId"], member),
        "holds": [_hold(hold) for hold in member["holds"]],
    }


def _hold(hold: Document) -> Document:
    return {
        "redemption_id": hold["redemptionId"],
        "points": hold["points"],
        "description": hold["description"],
        "held_at": hold["heldAt"],
        "expires_at": hold["expiresAt"],
        "cancellable": True,
    }


def _reward(slug: str) -> tuple[Document, int]:
    """The reward as the member sees it, and the points they can spend."""
    member = get_or_enrol(current_user_id())
    found = catalogue.list_rewards_for(current_user_id(), member, slug)
    if not found:
        raise RewardNotFound
    return found[0], member["available"]


def _ask(slug: str, form: RedeemForm, problem: str = "", status: int = 200) -> Response:
    reward, available = _reward(slug)
    form.expected_points.data = str(reward["pointsCost"])
    template = "hub/_redeem_confirm.html" if by_htmx() else "hub/redeem.html"
    page = render_template(
        template, reward=reward, member={"available": available}, form=form, problem=problem, user=current_user
    )
    return make_response(page, status)
