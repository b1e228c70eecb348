"""The console of tiers: how many hold each, and what a change would do before it is made."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.platform.console.acts import attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.problems import InvalidInput, NotFound
from portal.platform.web.forms import ReasonForm
from portal.tiers.models import Tier
from portal.tiers.preview import preview_tier
from portal.tiers.qualification import put_tier
from portal.tiers.requalify import get_progress
from portal.tiers.web.forms import NewTierForm, TierForm, fingerprint, form_values
from portal.tiers.web.tables import COUNTED_EXACTLY, TIERS

bp = Blueprint("tiers_console", __name__, url_prefix="/admin/programme")


@bp.get("/tiers")
@guarded(Access.CONSOLE)
def tiers() -> Response:
    """All tiers by threshold, and how far members have been moved after a change."""
    return show_table(TIERS, "console/tiers/list.html", counted_exactly=COUNTED_EXACTLY, moving=get_progress())


@bp.get("/new-tier", defaults={"slug": ""})
@bp.get("/tiers/<slug>")
@guarded(Access.CONSOLE)
def edit(slug: str) -> Response:
    """A tier's form, as it stands; an empty one for a new tier."""
    tier = _tier(slug)
    return _page(slug, TierForm(data=form_values(tier)) if tier else NewTierForm())


@bp.post("/new-tier/preview", defaults={"slug": ""})
@bp.post("/tiers/<slug>/preview")
@guarded(Access.CONSOLE)
def preview(slug: str) -> Response:
    """What saving would do: who would rise, and from where to where. Nothing is written."""
    tier = _tier(slug)
    form = TierForm() if tier else NewTierForm()
    return _preview(slug, tier, form, ReasonForm(formdata=None))


@bp.post("/new-tier", defaults={"slug": ""})
@bp.post("/tiers/<slug>")
@guarded(Access.CONSOLE)
def save(slug: str) -> AnyResponse:
    """Save the tier as it was previewed; if values have changed or the reason is missing, preview it again."""
    tier = _tier(slug)
    form, confirm = TierForm() if tier else NewTierForm(), ReasonForm()
    if not (form.validate() and confirm.validate()):
        return _preview(slug, tier, form, confirm, 422)
    key, fields = slug or form.slug.data, _fields(tier, form)
    if request.form.get("seen") != fingerprint(key, fields):
        return _preview(slug, tier, form, confirm, 409, "You changed something since. This is what saving does now.")
    act = partial(put_tier, db.session(), key, fields, acting(confirm.reason.data or ""))
    problem = attempt(act)
    if problem:
        return _preview(slug, tier, form, confirm, 409, problem)
    return done(f"{form.name.data} is saved.", url_for("tiers_console.tiers"))


def _preview(
    slug: str, tier: Tier | None, form: TierForm, confirm: ReasonForm, status: int = 200, problem: str = ""
) -> Response:
    if not form.validate() or (tier is None and _is_taken(form)):
        return _page(slug, form, 422)
    key, fields = slug or form.slug.data, _fields(tier, form)
    try:
        moves = preview_tier(db.session(), key, dict(fields))
    except InvalidInput as error:
        for refused in error.errors:
            message = refused["message"]
            form[refused["field"]].errors = [message[0].upper() + message[1:] + "."]
        return _page(slug, form, 422)
    context = {"moves": moves, "confirm": confirm, "seen": fingerprint(key, fields), "problem": problem}
    return _page(slug, form, status, **context)


def _page(slug: str, form: TierForm, status: int = 200, **context: Any) -> Response:
    form.add_free_rows()
    return show("console/tiers/edit.html", status, slug=slug, form=form, **context)


def _fields(tier: Tier | None, form: TierForm) -> dict[str, object]:
    return form.changes(tier.benefits if tier else ())


def _is_taken(form: NewTierForm) -> bool:
    """Whether the id is taken; if it is, the form gets the error."""
    if _find(form.slug.data or "") is None:
        return False
    form.slug.errors = ["There is a tier with this id already."]
    return True


def _tier(slug: str) -> Tier | None:
    tier = _find(slug) if slug else None
    if slug and tier is None:
        raise NotFound
    return tier


def _find(slug: str) -> Tier | None:
    return db.session().scalar(select(Tier).where(Tier.slug == slug))
