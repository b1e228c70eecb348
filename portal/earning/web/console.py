"""The console of earning rules: what brings points, every version of it, and carts to try it on."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.earning.basis import Terms
from portal.earning.evaluation import Facts, Rule
from portal.earning.reads import VersionRow, find_rule, get_active_rules, get_rule
from portal.earning.rules import RuleTerms
from portal.earning.trials import Outcome, try_cart
from portal.earning.versions import put_rule, set_active
from portal.earning.web.cart_form import CartForm
from portal.earning.web.forms import NewRuleForm, filled_form
from portal.earning.web.tables import RULES, VERSIONS, style
from portal.earning.web.terms import kinds_of
from portal.platform import clock
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.settings import current_settings, listeners
from portal.platform.web.forms import ReasonForm
from portal.tiers import Tier, list_tiers, read_earn_multiplier

PREVIEW = "earning_rule_preview"
PREVIEW_DAYS = 90


class Preview(Protocol):
    """The points of past orders as they were judged and by a draft, and for how many members that is more or less."""

    orders: int
    then: int
    now: int
    better: int
    worse: int


Previewer = Callable[[str, RuleTerms, int, datetime], Preview]
"""Judges the orders of so many days before a moment by a draft of the rule with this slug."""

bp = Blueprint("earning_console", __name__, url_prefix="/admin/programme")


@bp.get("/earning-rules")
@guarded(Access.CONSOLE)
def rules() -> Response:
    """All earning rules by slug."""
    return show_table(RULES, "console/earning/list.html", {"now": clock.now()})


@bp.route("/new-earning-rule", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def create() -> AnyResponse:
    """Ask for the rule's terms, then write its first version."""
    desk = _Desk()
    form = desk.form
    if not form.validate_on_submit() or desk.is_taken():
        return desk.show()
    return desk.save()


@bp.route("/earning-rules/<slug>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def edit(slug: str) -> AnyResponse:
    """Ask what to change, then write it as a new version."""
    desk = _Desk(get_rule(slug))
    return desk.save() if desk.form.validate_on_submit() else desk.show()


@bp.route("/new-earning-rule/try", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def try_new() -> Response:
    """What a cart earns with the new rule as it is typed, and without it. Nothing is written."""
    return _Desk(trying=True).try_cart()


@bp.route("/earning-rules/<slug>/try", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def try_draft(slug: str) -> Response:
    """What a cart earns with the rule as it is typed, and by the rules in force. Nothing is written."""
    return _Desk(get_rule(slug), trying=True).try_cart()


@bp.route("/new-earning-rule/preview", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def preview_new() -> Response:
    """What the new rule, as it is typed, would have granted for the orders of the last 90 days. Nothing is written."""
    return _Desk().preview()


@bp.route("/earning-rules/<slug>/preview", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def preview(slug: str) -> Response:
    """What the rule, as it is typed, would have changed for the orders of the last 90 days. Nothing is written."""
    return _Desk(get_rule(slug)).preview()


@bp.route("/try-a-cart", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def try_rules() -> Response:
    """What a cart earns by the rules in force. Nothing is written."""
    tiers = list_tiers(db.session())
    cart, outcomes = CartForm(tiers), []
    if cart.validate_on_submit():
        outcomes = [("By the rules in force", _try(cart, tiers, get_active_rules()))]
    cart.add_free_lines()
    status = 422 if cart.errors else 200
    return show("console/earning/trial.html", status, cart=cart, outcomes=outcomes, style=style())


@bp.get("/earning-rules/<slug>/versions")
@guarded(Access.CONSOLE)
def versions(slug: str) -> Response:
    """All versions of a rule, newest first, each with what it changed."""
    return show_table(VERSIONS, "console/earning/versions.html", {"slug": slug}, rule=get_rule(slug))


@bp.route("/earning-rules/<slug>/<any(pause, resume):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def decide(slug: str, verb: str) -> AnyResponse:
    """Ask for the reason, then let the rule pay nothing for now, or pay again."""
    rule, form, resume = get_rule(slug), ReasonForm(), verb == "resume"
    back, name = url_for("earning_console.edit", slug=slug), rule.terms["name"]
    label = "Resume" if resume else "Pause"
    consequence = "Orders from now on are judged by it again." if resume else "It pays for nothing until it is resumed."
    kept = f"{consequence} Orders that were placed keep the versions they were judged by."
    question = Question(f"{label}: {name}?", label, back, kept, not resume)
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(set_active, db.session(), slug, resume, acting(form.reason.data or "")))
    return ask(form, question, problem) if problem else done(f"{name} is {'active' if resume else 'paused'}.", back)


def _try(cart: CartForm, tiers: list[Tier], rules: list[Rule]) -> Outcome:
    shown = style()
    mine = next((tier for tier in tiers if tier.slug == cart.tier.data), None)
    facts = Facts(
        tier=mine.slug if mine else None,
        tier_multiplier=read_earn_multiplier(mine.benefits) if mine else None,
        first_order=cart.first_order.data,
    )
    terms = Terms.of(current_settings())
    return try_cart(cart.cart(shown.currency, shown.zone), rules, facts, terms, shown)


class _Desk:
    """The page of a rule (None: a new one): its form, and a cart to try it on."""

    def __init__(self, rule: VersionRow | None = None, *, trying: bool = False) -> None:
        self.rule, self.trying = rule, trying
        self.before: Document = rule.terms if rule else {}
        self.tiers = list_tiers(db.session())
        self.form = filled_form(rule.terms, rule.version, style().zone) if rule else NewRuleForm(data={"seen": "0"})
        self.form.offer(tuple((tier.slug, tier.name) for tier in self.tiers), self.before)
        self.cart = CartForm(self.tiers)
        self.outcomes: list[tuple[str, Outcome]] = []
        self.previews: list[Preview] = []

    @property
    def slug(self) -> str:
        """The rule's id, as it was typed if it is new."""
        return self.rule.slug if self.rule else str(self.form["slug"].data)

    def is_taken(self) -> bool:
        """Whether the id of a new rule is taken; if it is, the form gets the error."""
        if find_rule(self.slug) is None:
            return False
        self.form["slug"].errors = ["There is a rule with this id already."]
        return True

    def save(self) -> AnyResponse:
        """Write the terms as they were typed, unless they are refused."""
        terms = self.form.terms(self.before, style().zone)
        if terms is None:
            return self.show()
        act = acting(self.form.reason.data or "")
        problem = attempt(partial(put_rule, db.session(), self.slug, terms, act, seen=self.form.seen_version))
        return self.show(problem) if problem else done(f"{terms.name} is saved.", url_for("earning_console.rules"))

    def try_cart(self) -> Response:
        """Tell what the cart earns by the rules in force, and with this one as it was typed, as if it were active."""
        terms = self.form.terms(self.before, style().zone) if self._can_try() else None
        if terms is not None:
            rules = get_active_rules()
            draft = Rule(self.slug, self.rule.version if self.rule else 0, terms.model_copy(update={"active": True}))
            others = [rule for rule in rules if rule.slug != self.slug]
            tried = (("By the rules in force", rules), ("With this rule as it stands in the form", [*others, draft]))
            self.outcomes = [(title, _try(self.cart, self.tiers, rules)) for title, rules in tried]
        return self.show()

    def preview(self) -> Response:
        """Tell what past orders would have earned with this rule as it was typed."""
        accepted = self.form.is_submitted() and self.form.accepts_draft()
        terms = self.form.terms(self.before, style().zone) if accepted else None
        if terms is not None:
            previewers: list[Previewer] = listeners(PREVIEW)
            self.previews = [judge(self.slug, terms, PREVIEW_DAYS, clock.now()) for judge in previewers]
        return self.show()

    def _can_try(self) -> bool:
        """Whether there is a draft and a cart; both forms are told what is wrong."""
        return self.form.is_submitted() and all([self.form.accepts_draft(), self.cart.validate()])

    def show(self, problem: str = "") -> Response:
        """The page, with why a save was refused; who saves again after that has seen the version that holds."""
        if self.rule and problem:
            self.form.seen.data = str(self.rule.version)
        self.cart.add_free_lines()
        wrong = self.form.errors or self.form.form_errors or (self.trying and self.cart.errors)
        return show(
            "console/earning/edit.html",
            409 if problem else 422 if wrong else 200,
            **{name: getattr(self, name) for name in ("form", "rule", "cart", "outcomes", "previews", "trying")},
            problem=problem,
            style=style(),
            kinds_of=kinds_of,
        )
