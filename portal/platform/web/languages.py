"""The language of sentences that are made when read: the reader's own, else one that the request accepts."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, g, request

from portal.platform.formatting import LANGUAGES

P = ParamSpec("P")


def in_readers_language(view: Callable[P, Response]) -> Callable[P, Response]:
    """Let the view write in the reader's language: their preference, else `Accept-Language`, else the programme's.

    The answer says in `Vary` that it depends on that header.
    """

    @wraps(view)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> Response:
        g.display_locale = g.get("display_locale") or accepted_locale()
        answer = view(*args, **kwargs)
        answer.vary.add("Accept-Language")
        return answer

    return spoken


def accepted_locale() -> str | None:
    """The locale that the request likes best among those in a language that we write; None: it names none of them."""
    tags = request.accept_languages.values()
    return next((tag for tag in tags if tag.replace("_", "-").partition("-")[0].lower() in LANGUAGES), None)
