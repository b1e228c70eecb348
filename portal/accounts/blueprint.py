"""The blueprint that the account pages share."""

from flask import Blueprint, Response

bp = Blueprint("accounts", __name__)


@bp.after_request
def keep_nothing(response: Response) -> Response:
    """Doors are stored nowhere: their addresses hold secrets of links, and their forms what somebody typed."""
    response.headers["Cache-Control"] = "no-store"
    return response
