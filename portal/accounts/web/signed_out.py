"""What happens when a request's sign-in is over: the sign-in page, a message on what was not done, and back again."""

from urllib.parse import SplitResult, urlencode, urlsplit

from flask import Response, current_app, flash, redirect, request, session, url_for
from flask.globals import request_ctx

from portal.accounts.web.browser import safe_next
from portal.platform.web.responses import by_htmx

AGAIN = "Please sign in again."
ACT = "Nothing was changed."
SAFE = ("GET", "HEAD")


def turn_away(undone: str = "") -> Response:
    """Redirect to the sign-in page, and from there back to the page that was asked for, or from which an act was sent.

    `undone` is a view's own message about what was not done; for other acts it is "Nothing was changed.".
    """
    here = safe_next(_page_to_return_to())
    login = url_for("accounts.login") + (f"?{urlencode({'next': here})}" if here else "")
    if _was_signed_in():
        _say(f"{AGAIN} {undone or ('' if request.method in SAFE else ACT)}".strip())
    if by_htmx():
        return Response("", 401, {"HX-Redirect": login})
    return current_app.make_response(redirect(login, 303))


def _page_to_return_to() -> str:
    """The page to come back to: the requested one, or for a part of a page or an act the page behind it."""
    adapter = request_ctx.url_adapter
    assert adapter is not None
    is_page = adapter.test(request.path, "GET") and not _is_fragment()
    return request.full_path.rstrip("?") if is_page else _page_behind()


def _is_fragment() -> bool:
    view = current_app.view_functions[request.endpoint or ""]
    return by_htmx() and getattr(view, "answers_in_parts", False)


def _page_behind() -> str:
    """The path of our page that sent the request, as HTMX or the browser names it."""
    page = _read(request.headers.get("HX-Current-URL", "")) or _from_here()
    return page.path + (f"?{page.query}" if page.query else "") if page else ""


def _was_signed_in() -> bool:
    """Whether somebody was at work here; a person who only follows a link from elsewhere has lost nothing."""
    behind = _from_here()
    at_work = behind is not None and behind.path.startswith(("/account/", "/admin"))
    return "_user_id" in session or by_htmx() or request.method not in SAFE or at_work


def _from_here() -> SplitResult | None:
    page = _read(request.referrer or "")
    return page if page is not None and page.netloc == request.host else None


def _read(address: str) -> SplitResult | None:
    try:
        return urlsplit(address) if address else None
    except ValueError:
        return None


def _say(sentence: str) -> None:
    """Show the sentence on the next page, once however many parts of a page were turned away; the last one counts."""
    session.pop("_flashes", None)
    flash(sentence, "info")
