"""The console of rewards: the catalogue with its stock, and every change of it."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.platform import clock
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.formatting import reader_zone
from portal.platform.web.forms import ReasonForm
from portal.rewards.catalogue import RewardNotFound, put_reward
from portal.rewards.models import Reward
from portal.rewards.web.forms import NewRewardForm, RewardForm, form_values
from portal.rewards.web.tables import REWARDS
from portal.tiers import Tier, list_tiers

bp = Blueprint("rewards_console", __name__, url_prefix="/admin/programme")


@bp.get("/rewards")
@guarded(Access.CONSOLE)
def rewards() -> Response:
    """All rewards, cheapest first."""
    return show_table(REWARDS, "console/rewards/list.html", {"now": clock.now()})


@bp.route("/new-reward", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def create() -> AnyResponse:
    """Ask for the reward's fields, then add it to the catalogue."""
    form = NewRewardForm()
    form.offer(list_tiers(db.session()), form.icon.data)
    if not form.validate_on_submit() or _is_taken(form):
        return _page(form)
    problem = attempt(partial(_put, form.slug.data or "", form.changes(reader_zone()), form.reason.data or ""))
    return _page(form, problem) if problem else done(f"{form.name.data} is in the catalogue.", _list())


@bp.route("/rewards/<slug>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def edit(slug: str) -> AnyResponse:
    """Ask what to change, then change it."""
    reward, tier = _reward(slug)
    form = RewardForm(data=form_values(reward, tier, reader_zone()))
    form.offer(list_tiers(db.session()), reward.icon)
    if not form.validate_on_submit():
        return _page(form, reward=reward)
    problem = attempt(partial(_put, slug, form.changes(reader_zone()), form.reason.data or ""))
    return _page(form, problem, reward=reward) if problem else done(f"{form.name.data} is saved.", _list())


@bp.route("/rewards/<slug>/<any(withdraw, offer):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def decide(slug: str, verb: str) -> AnyResponse:
    """Ask for the reason, then take the reward out of the catalogue, or put it back."""
    (reward, _), form = _reward(slug), ReasonForm()
    back, offer = url_for("rewards_console.edit", slug=slug), verb == "offer"
    label = "Put back into the catalogue" if offer else "Take out of the catalogue"
    consequence = "Members can ask for it again." if offer else "Nobody can ask for it. Open requests stay as they are."
    question = Question(f"{label}: {reward.name}?", label, back, consequence, not offer)
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(_put, slug, {"active": offer}, form.reason.data or ""))
    past = "in the catalogue again" if offer else "out of the catalogue"
    return ask(form, question, problem) if problem else done(f"{reward.name} is {past}.", back)


def _page(form: RewardForm, problem: str = "", **context: Any) -> Response:
    status = 409 if problem else 422 if form.is_submitted() else 200
    return show("console/rewards/edit.html", status, form=form, problem=problem, **context)


def _put(slug: str, fields: Document, reason: str) -> None:
    put_reward(db.session(), slug, fields, acting(reason))


def _is_taken(form: NewRewardForm) -> bool:
    """Whether the id is taken; if it is, the form gets the error."""
    if db.session().scalar(select(Reward.id).where(Reward.slug == form.slug.data)) is None:
        return False
    form.slug.errors = ["There is a reward with this id already."]
    return True


def _reward(slug: str) -> tuple[Reward, Tier | None]:
    statement = select(Reward, Tier).outerjoin(Tier, Tier.id == Reward.min_tier_id).where(Reward.slug == slug)
    found = db.session().execute(statement).first()
    if found is None:
        raise RewardNotFound
    reward, tier = found
    return reward, tier


def _list() -> str:
    return url_for("rewards_console.rewards")
