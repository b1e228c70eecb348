"""Staff are asked before they become members: the programme is for customers, and for staff only if they want it."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import current, current_user_id
from portal.members.membership import get_member
from portal.platform.db import db

P = ParamSpec("P")
R = TypeVar("R")


def asks_staff(view: Callable[P, R]) -> Callable[P, R | AnyResponse]:
    """Declare that this view makes its visitor a member, so that staff who are not members are asked first."""

    @wraps(view)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R | AnyResponse:
        return view(*args, **kwargs) if _is_customer() else _ask()

    return asked


def _is_customer() -> bool:
    return current().role == "member" or get_member(db.session(), current_user_id()) is not None


def _ask() -> AnyResponse:
    if request.method not in ("GET", "HEAD"):
        return redirect(url_for("hub.loyalty"), 303)
    page: Response = make_response(render_template("members/join.html", user=current_user))
    return page
