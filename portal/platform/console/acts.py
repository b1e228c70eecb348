"""Answers of the consoles: a table, a question before an act, and its outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, flash, make_response, redirect, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.platform.console.exports import stream_csv
from portal.platform.console.tables import Table, list_page
from portal.platform.db import db
from portal.platform.problems import DomainError
from portal.platform.web.forms import OnceForm
from portal.platform.web.responses import by_htmx, headers_of_frame

# Mail is untrusted HTML: it may run nothing, send nothing and load nothing, not even a picture.
_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
_REPLACES_PAGE = {"target": "#content", "select": "#content", "swap": "outerHTML show:window:top"}


@dataclass(frozen=True, slots=True)
class Question:
    """What an operator is asked before an act: `consequence` says what will happen, `back` where they came from."""

    title: str
    submit: str
    back: str
    consequence: str = ""
    danger: bool = False


def show(template: str, status: int = 200, **context: Any) -> Response:
    """A console page, for the operator who asks."""
    return make_response(render_template(template, user=current_user, **context), status)


def show_instead(template: str, **context: Any) -> Response:
    """The outcome of an act as a page, which for HTMX replaces the page behind the dialog."""
    response = show(template, **context)
    if by_htmx():
        response.headers.update({"HX-Retarget": "#content", "HX-Reselect": "#content", "HX-Reswap": "outerHTML"})
    return response


def show_table(table: Table, template: str, values: Mapping[str, Any] | None = None, **context: Any) -> Response:
    """The table as the query string asks for it, as a page or (`format=csv`) as a download. `template` gets `page`.

    :raises portal.platform.problems.InvalidInput: if the query string has a value that is not accepted.
    """
    if request.args.get("format") == "csv":
        return stream_csv(table, request.args, values)
    return show(template, page=list_page(table, request.args, values), **context)


def show_mail(html: str) -> Response:
    """The HTML of a message, for a frame in one of our own pages."""
    request.environ["portal.headers"] = headers_of_frame(_MAIL)
    return Response(html, mimetype="text/html")


def ask(form: OnceForm, question: Question, problem: str = "", **context: Any) -> Response:
    """The question before an operator's act: in the dialog for HTMX, else on a page of its own.

    `problem` says why the act was refused. The form posts to the current address.
    """
    asked_before = form.is_submitted()
    template = "console/_ask.html" if by_htmx() else "console/ask.html"
    if by_htmx():
        for field in form:  # the page behind the dialog may have a field of that name
            field.id = f"ask-{field.id}"
    return show(
        template,
        409 if problem else 422 if asked_before else 200,
        form=form,
        question=question,
        problem=problem,
        action=request.full_path.rstrip("?"),
        **context,
    )


def attempt(act: Callable[[], object]) -> str:
    """Carry the act out in a savepoint; if it is refused, roll back and return why. Empty if it was done."""
    try:
        with db.session.begin_nested():
            act()
    except DomainError as error:
        return error.detail
    return ""


def done(message: str, back: str, kind: str = "success") -> AnyResponse:
    """Lead back to the page the operator came from, loaded again, with a message about what was done."""
    flash(message, kind)
    if by_htmx():
        return Response("", headers={"HX-Location": orjson.dumps({"path": back, **_REPLACES_PAGE}).decode()})
    return redirect(back, 303)
