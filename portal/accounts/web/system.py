"""Routes of the platform, guarded like every other: health, metrics, brand stylesheet, documentation."""

import re
from typing import cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.problems import Unauthenticated
from portal.accounts.web.caller import current
from portal.accounts.web.guards import Access, access_of, guarded
from portal.platform import observability, openapi
from portal.platform.brand import stylesheet
from portal.platform.documents import Document
from portal.platform.openapi import typescript
from portal.platform.problems import NotFound
from portal.platform.settings import current_settings
from portal.platform.web import handbook, health

bp = Blueprint("core", __name__)
ACTS_FOR_A_USER = (Access.MEMBER, Access.MEMBER_OR_ADMIN, Access.SELF_OR_ADMIN)
USER_ID = {
    "name": "X-User-Id",
    "in": "header",
    "required": False,
    "description": "The user a service acts for; a member's session needs none.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}
_public = guarded(Access.PUBLIC)

bp.add_url_rule("/healthz", view_func=_public(health.healthz))
bp.add_url_rule("/readyz", view_func=_public(health.readyz))
bp.add_url_rule("/brand.css", view_func=_public(stylesheet.brand_css))


@bp.get("/metrics")
@guarded(Access.PUBLIC)
def show_metrics() -> Response:
    """Prometheus metrics, for private addresses, METRICS_TOKEN and services with scope admin."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (current().runs_programme or observability.may_scrape(_scraper(), bearer)):
        raise Unauthenticated("Metrics are for private addresses, METRICS_TOKEN and scope admin.")
    return observability.collect_metrics()


def _scraper() -> str:
    """The caller's address; empty behind an undeclared proxy, whose own address says nothing of the caller."""
    undeclared = "X-Forwarded-For" in request.headers and not current_settings().trusted_proxies
    return "" if undeclared else request.remote_addr or ""


@bp.get("/api/docs")
@guarded(Access.PUBLIC)
def docs() -> Response:
    """The API, readable: every operation with who may call it, its parameters and its shapes."""
    return make_response(render_template("layouts/api_docs.html", spec=_spec()))


@bp.get("/docs")
@guarded(Access.PUBLIC)
def docs_home() -> AnyResponse:
    """The documentation, from its first page on."""
    return redirect(url_for("core.show_docs", name=handbook.PAGES[0]))


@bp.get("/docs/<name>")
@guarded(Access.PUBLIC)
def show_docs(name: str) -> Response:
    """A page of the documentation."""
    page = handbook.read_page(name)
    if page is None:
        raise NotFound
    return make_response(render_template("layouts/docs.html", page=page, pages=handbook.list_pages()))


@bp.get("/api/v1/types.d.ts")
@guarded(Access.PUBLIC)
def types() -> Response:
    """TypeScript declarations of every shape."""
    return Response(typescript.declarations(_spec()), content_type="text/plain; charset=utf-8")


def name_the_user(spec: Document) -> None:
    """Declare X-User-Id on the operations that a service calls for a user, and who may call each."""
    access = _access()
    for method, path, operation in openapi.operations(spec):
        may = access.get(f"{method} {path}")
        operation["x-access"] = may.value if may else ""
        if may in ACTS_FOR_A_USER:
            operation["parameters"] = [*operation.get("parameters", []), USER_ID]


def _spec() -> Document:
    return cast("Document", cast("APIFlask", current_app).spec)


def _access() -> dict[str, Access | None]:
    """Who may call an operation, by its method and path as the document writes them."""
    found = {}
    for rule in current_app.url_map.iter_rules():
        access = access_of(rule.endpoint)
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in rule.methods or ():
            found[f"{method.lower()} {path}"] = access
    return found
