"""The page that says what went wrong: a console page for staff under `/admin`, the member's page for everybody else."""

from typing import Any

import psycopg
from flask import Response, g, render_template, request
from flask_login import AnonymousUserMixin, current_user
from sqlalchemy.exc import SQLAlchemyError

from portal.platform.web.responses import by_htmx

STAFF = ("operator", "admin")
DIALOG = "sheet-body"
_INSTEAD = {"HX-Retarget": "#content", "HX-Reselect": "#content", "HX-Reswap": "outerHTML show:window:top"}


def show_error(status: int, **problem: Any) -> Response:
    """The page for an error; `problem` has its code, title, detail and, for invalid input, `errors`.

    On the consoles, if HTMX asked for a part of a page, this page replaces the whole; in a dialog, only the question.
    """
    staff = _is_staff() and request.path.startswith("/admin")
    template = "errors/console.html" if staff else "errors/problem.html"
    page = render_template(
        template, status=status, user=current_user if staff else None, request_id=g.get("request_id"), **problem
    )
    response = Response(page, status, content_type="text/html; charset=utf-8")
    if staff and by_htmx() and request.headers.get("HX-Target") != DIALOG:
        response.headers.update(_INSTEAD)
    return response


def _is_staff() -> bool:
    """Whether an operator or admin is signed in; while the database is down, nobody counts as signed in.

    The anonymous user is then set in Flask-Login too, so that pages do not ask the database again.
    """
    try:
        return bool(current_user.is_authenticated and current_user.role in STAFF)
    except (psycopg.Error, SQLAlchemyError):
        g._login_user = AnonymousUserMixin()
        return False
