"""The console of members: find one, understand their balance, act on it."""

from flask import Blueprint, Response

from portal.accounts.guards import Access, guarded
from portal.core.consoles import show

bp = Blueprint("members_console", __name__, url_prefix="/admin/members")


@bp.get("")
@guarded(Access.CONSOLE)
def find() -> Response:
    """Members by email, name, user id or referral code."""
    return show("console/members/find.html")


@bp.get("/<user_id>")
@guarded(Access.CONSOLE)
def show_member(user_id: str) -> Response:
    """A member: who they are, what they have and why."""
    return show("console/members/member.html", user_id=user_id)
