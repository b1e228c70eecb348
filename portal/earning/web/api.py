"""Endpoints of earning rules."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, guarded
from portal.earning import reads, versions
from portal.earning.occasions.events import EventInput, EventRules, record_event
from portal.earning.sentences import list_ways
from portal.earning.web import schemas
from portal.platform import clock
from portal.platform.db import db
from portal.platform.schemas import Page
from portal.platform.settings import current_settings
from portal.platform.web.inputs import valid_slug
from portal.platform.web.responses import json

bp = APIBlueprint("earning_api", __name__, url_prefix="/api/v1/loyalty", tag="Earning")


@bp.put("/earning-rules/<slug>")
@guarded(Access.ADMIN)
@bp.input(schemas.EarningRuleInput, location="json", arg_name="body")
@bp.output(schemas.EarningRule)
def put_earning_rule(slug: str, body: schemas.EarningRuleInput) -> Response:
    """Write an earning rule whole, as a new version; the terms it has already make none."""
    written, created = versions.put_rule(db.session(), valid_slug(slug), body, acting())
    return json(reads.serialize_version(written), 201 if created else 200)


@bp.get("/earning-rules")
@guarded(Access.ADMIN)
@bp.input(Page, location="query", arg_name="query")
@bp.output(schemas.EarningRulePage)
def list_earning_rules(query: Page) -> Response:
    """List the earning rules by slug, each in the version that holds."""
    return json(reads.list_rules(limit=query.limit, cursor=query.cursor))


@bp.get("/earning-rules/<slug>/versions")
@guarded(Access.ADMIN)
@bp.input(Page, location="query", arg_name="query")
@bp.output(schemas.EarningRuleVersionPage)
def list_earning_rule_versions(slug: str, query: Page) -> Response:
    """List all versions of an earning rule, newest first."""
    return json(reads.list_versions(valid_slug(slug), limit=query.limit, cursor=query.cursor))


@bp.post("/events")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(EventInput, location="json", arg_name="body")
@bp.output(schemas.EventAnswer)
@bp.doc(responses={201: "The event is new."})
def tell_event(body: EventInput) -> Response:
    """Tell what a member did, and grant what it brings; each `eventId` counts once, and gets the same answer again."""
    answer, created = record_event(db.session(), body, acting(), EventRules.of(current_settings()))
    return json(answer, 201 if created else 200)


@bp.get("/ways-to-earn")
@guarded(Access.ANY_PRINCIPAL)
@bp.output(schemas.WaysToEarn)
def list_ways_to_earn() -> Response:
    """List what brings points now, in words."""
    settings = current_settings()
    ways = list_ways(reads.get_active_rules(), clock.now(), settings.programme_currency, settings.programme_locale)
    return json({"ways": ways})
