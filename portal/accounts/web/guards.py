"""One guard per route, enforced before anything else runs; a route without one is refused."""

import re
from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, current_app, g, request, session
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect

from portal.accounts.models import USER_ID_PATTERN
from portal.accounts.problems import InvalidToken, Unauthenticated, UserNotFound, UserRequired
from portal.accounts.web.caller import load_token, prove
from portal.accounts.web.principal import ANONYMOUS, Principal
from portal.accounts.web.signed_out import turn_away
from portal.platform import ids
from portal.platform.problems import DomainError, Forbidden, NotFound, wants_json
from portal.platform.web import limits
from portal.platform.web.responses import by_htmx

csrf = CSRFProtect()
View = TypeVar("View", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")
_USER_ID = re.compile(USER_ID_PATTERN)
UNGUARDED = frozenset({"static", "openapi.spec"})
# Everything that is served of `static/`: folders, and files outside them.
ASSETS = frozenset({"css", "img", "js", "vendor"})
ASSET_FILES = frozenset({"sw.js"})


class Access(Enum):
    """Who may call a route (CONTRACT 2 and 3)."""

    PUBLIC = "anyone"
    ANY_PRINCIPAL = "any principal"
    MEMBER = "a member for themselves, or a service with scope member for the user it names"
    MEMBER_OR_ADMIN = "as MEMBER for their own; operators and scope admin for everyone's"
    SELF_OR_ADMIN = "the user named in the path, or operators and scope admin"
    CHECKOUT_OR_ADMIN = "scope checkout or admin, and operators"
    CHECKOUT_OR_MEMBER = "scope checkout or admin, or a member's session"
    ORDERS_OR_ADMIN = "scope orders or admin, and operators"
    ORDER_READER = "as MEMBER for their own; operators and the scopes orders and admin for everyone's"
    QUOTE = "a member's session, or a service with scope member, checkout, orders or admin"
    ADMIN = "operators, admins and scope admin"
    OWNER = "admins and scope admin"
    PAGE = "anyone signed in, else to the sign-in page"
    CONSOLE = "operators and admins; others do not see it"
    CONSOLE_OWNER = "admins; operators are told so, others do not see it"


class RoleRequired(Forbidden):
    """A page of the consoles that needs a higher role; the message names the role to staff."""

    def __init__(self, needed: str, role: str) -> None:
        super().__init__(f"This page needs the role {needed}; yours is {role}. Ask somebody who has it.")


def guarded(access: Access, *, undone: str = "") -> Callable[[View], View]:
    """Declare who may call this view; `undone` tells people whose sign-in has ended what was not done."""

    def mark(view: View) -> View:
        view.access, view.undone = access, undone  # type: ignore[attr-defined]  # declared on the function
        return view

    return mark


def in_parts(view: View) -> View:
    """Declare that this view gives HTMX only a part of a page, so that nobody is redirected back to it."""
    view.answers_in_parts = True  # type: ignore[attr-defined]  # declared on the function
    return view


def proves_token(view: Callable[P, R]) -> Callable[P, R]:
    """Declare that this view's own read, and not the guard, checks the bearer token (`platform.db.hot`).

    If the view does no such read, the token is checked before the answer leaves, whatever the answer is.
    """

    @wraps(view)
    def proven(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return view(*args, **kwargs)
        finally:
            prove()

    proven.proves_token = True  # type: ignore[attr-defined]  # declared on the function
    return proven


def access_of(endpoint: str) -> Access | None:
    """The declared guard of an endpoint; None when it has none."""
    if endpoint in UNGUARDED:
        return Access.PUBLIC
    return getattr(current_app.view_functions[endpoint], "access", None)


def enforce() -> Response | None:
    """Resolve the caller, check the route's guard, its rate limit and, for cookies, the CSRF token."""
    try:
        return _enforce()
    except DomainError:
        prove()
        raise


def _enforce() -> Response | None:
    g.principal, g.principal_key, g.idempotency_owner = ANONYMOUS, "", ""
    if request.endpoint is None or request.method == "OPTIONS":
        return None
    if request.endpoint == "static":
        _serve_only_assets()
        return None
    access = access_of(request.endpoint)
    if access is None:
        raise Forbidden(f"{request.endpoint} has no guard")
    if "\x00" in request.path:
        raise NotFound  # no object has such an id, and the database refuses the query
    by_cookie = _identify(access)
    limits.check()
    if access is not Access.PUBLIC and g.principal.kind == "anonymous":
        return _turn_away()
    if by_cookie and request.method not in ("GET", "HEAD"):
        csrf.protect()
    if access is Access.PUBLIC:
        return None
    g.principal = _CHECKS[access](g.principal)
    if ids.NO_ID in (request.view_args or {}).values() and not wants_json():
        raise NotFound  # before a page asks or says anything about it; APIs have a problem for each kind of object
    g.principal_key = g.principal.key
    g.idempotency_owner = f"{g.principal.actor}/{_member_named(g.principal)}"
    return None


def _member_named(principal: Principal) -> str:
    """The user the request is about: the one in its path, else the caller, else the one a service names by header."""
    in_path: str = (request.view_args or {}).get("user_id", "")
    by_header = request.headers.get("X-User-Id", "").strip() if principal.kind == "service" else ""
    return in_path or principal.user_id or by_header


def _serve_only_assets() -> None:
    """Refuse all but plain paths to assets, because what assets are made from lies beside them.

    :raises NotFound: if the path is not one of these.
    """
    first, *others = str((request.view_args or {})["filename"]).split("/")
    plain = all(name and not name.startswith(".") and "\\" not in name for name in others)
    if not (plain and (first in ASSETS if others else first in ASSET_FILES)):
        raise NotFound


def _identify(access: Access) -> bool:
    """Set the caller; True if the request relies on cookies (or nothing) and so needs a CSRF token.

    :raises InvalidToken: if its bearer token is not valid and the route is not public.
    """
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        later = hasattr(current_app.view_functions[request.endpoint or ""], "proves_token")
        principal = load_token(token.strip(), proven_later=later) if scheme.lower() == "bearer" else None
        if principal is None and access is Access.PUBLIC:
            return True
        if principal is None:
            raise InvalidToken
        g.principal, g.principal_key = principal, principal.key
        return False
    if "_user_id" in session and current_user.is_authenticated:
        g.principal = current_user.principal
        g.display_timezone, g.display_locale = current_user.timezone, current_user.locale
        g.principal_key = g.principal.key
    return not getattr(current_app.view_functions[request.endpoint or ""], "csrf_exempt", False)


def _turn_away() -> Response:
    """Send people to the sign-in page and back; programs get a problem."""
    from_page = by_htmx() and not request.path.startswith("/api/")
    if wants_json() and not from_page:
        raise Unauthenticated
    return turn_away(getattr(current_app.view_functions[request.endpoint or ""], "undone", ""))


def _named_user(principal: Principal) -> Principal:
    """A service acting for the user in X-User-Id."""
    user_id = request.headers.get("X-User-Id", "").strip()
    if not user_id:
        raise UserRequired
    if not _USER_ID.match(user_id):
        raise UserNotFound
    return principal.acting_for(user_id)


def _member(principal: Principal) -> Principal:
    if principal.kind == "user":
        return principal
    if not principal.scopes & {"member", "admin"}:
        raise Forbidden("The token needs the scope member.")
    return _named_user(principal)


def _member_or_admin(principal: Principal) -> Principal:
    return principal if principal.runs_programme else _member(principal)


def _self_or_admin(principal: Principal) -> Principal:
    if principal.runs_programme:
        return principal
    principal = _member(principal)
    if principal.user_id != (request.view_args or {}).get("user_id"):
        raise UserNotFound
    return principal


def _checkout_or_admin(principal: Principal) -> Principal:
    if principal.runs_programme or "checkout" in principal.scopes:
        return principal
    raise Forbidden("This needs the scope checkout or admin.")


def _checkout_or_member(principal: Principal) -> Principal:
    return principal if principal.kind == "user" else _checkout_or_admin(principal)


def _orders_or_admin(principal: Principal) -> Principal:
    if principal.runs_programme or "orders" in principal.scopes:
        return principal
    raise Forbidden("This needs the scope orders or admin.")


def _order_reader(principal: Principal) -> Principal:
    return principal if principal.runs_programme or "orders" in principal.scopes else _member(principal)


def _quote(principal: Principal) -> Principal:
    if principal.kind == "user" or principal.scopes & {"member", "checkout", "orders", "admin"}:
        return principal
    raise Forbidden("This needs a scope: member, checkout, orders or admin.")


def _admin(principal: Principal) -> Principal:
    if principal.runs_programme:
        return principal
    raise Forbidden("This needs an operator or the scope admin.")


def _owner(principal: Principal) -> Principal:
    if principal.owns_programme:
        return principal
    raise Forbidden("This needs an admin or the scope admin.")


def _page(principal: Principal) -> Principal:
    if principal.kind != "user":
        raise Forbidden("Pages are for people; services call the API.")
    return principal


def _console(principal: Principal) -> Principal:
    if principal.kind == "user" and principal.role in ("operator", "admin"):
        return principal
    raise NotFound


def _console_owner(principal: Principal) -> Principal:
    if _console(principal).role != "admin":
        raise RoleRequired("admin", principal.role)
    return principal


_CHECKS: dict[Access, Callable[[Principal], Principal]] = {
    Access.ANY_PRINCIPAL: lambda principal: principal,
    Access.MEMBER: _member,
    Access.MEMBER_OR_ADMIN: _member_or_admin,
    Access.SELF_OR_ADMIN: _self_or_admin,
    Access.CHECKOUT_OR_ADMIN: _checkout_or_admin,
    Access.CHECKOUT_OR_MEMBER: _checkout_or_member,
    Access.ORDERS_OR_ADMIN: _orders_or_admin,
    Access.ORDER_READER: _order_reader,
    Access.QUOTE: _quote,
    Access.ADMIN: _admin,
    Access.OWNER: _owner,
    Access.PAGE: _page,
    Access.CONSOLE: _console,
    Access.CONSOLE_OWNER: _console_owner,
}


def init_app(app: Flask) -> None:
    """Enforce guards before every request."""
    csrf.init_app(app)
    app.before_request(enforce)
