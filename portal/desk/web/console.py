"""The console of members: find a member, understand their balance."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import look_for, search_words
from portal.accounts.web import Access, current, guarded
from portal.desk import reads as reads
from portal.desk.balance import describe_holds, draw
from portal.desk.debts import list_debts
from portal.desk.web import member_tables as tables
from portal.desk.web.tables import FOUND, MEMBERS
from portal.ledger import get_explained_entry, list_pending
from portal.orders import is_order
from portal.orders.web import MEMBER_ORDERS
from portal.platform import clock, ids
from portal.platform.console.acts import show, show_table
from portal.platform.console.tables import MAX_FILTER_LENGTH, STEERING, Table
from portal.platform.problems import NotFound
from portal.platform.web.languages import in_readers_language
from portal.platform.web.responses import by_htmx

bp = Blueprint("members_console", __name__, url_prefix="/admin/members")

# The pages of a member: path, label, endpoint.
TABS = (
    ("overview", "Overview", "members_console.show_member"),
    ("ledger", "Points", "members_console.show_ledger"),
    ("orders", "Orders", "members_console.show_orders"),
    ("redemptions", "Redemptions", "members_console.show_redemptions"),
    ("referrals", "Referrals", "members_console.show_referrals"),
    ("messages", "Messages", "members_console.show_messages"),
    ("nudges", "Nudges", "members_console.show_nudges"),
    ("sign-ins", "Sign-ins", "members_console.show_sign_ins"),
    ("history", "Audit", "members_console.show_history"),
)


@bp.get("")
@guarded(Access.CONSOLE)
def find() -> AnyResponse:
    """Find members by email, name, user id or referral code; an exact match, also of an order, leads to its page."""
    wanted = request.args.get("q", "").strip()
    values = {"words": search_words(wanted)}
    if not wanted or "\x00" in wanted or len(wanted) > MAX_FILTER_LENGTH:  # the table refuses an impossible search
        return show_table(MEMBERS, "console/members/find.html", values, wide=False)
    look = look_for(wanted)
    if not any(request.args.get(name) for name in STEERING):
        if look.user_id is not None:
            return _lead_to(url_for("members_console.show_member", user_id=look.user_id))
        if is_order(wanted):
            return _lead_to(url_for("orders_console.detail", reference=wanted))
    return show_table(FOUND, "console/members/find.html", values, wide=look.is_too_wide)


def _lead_to(address: str) -> AnyResponse:
    """Redirect to another page; HTMX gets a header, since it would show a redirect's page in place of the table."""
    return Response("", headers={"HX-Redirect": address}) if by_htmx() else redirect(address, 303)


@bp.get("/<user_id>")
@guarded(Access.CONSOLE)
def show_member(user_id: str) -> Response:
    """A member: who they are, what they have and why."""
    card, now = reads.get_card(user_id), clock.now()
    key, lots = card.member_id, reads.list_lots(card.member_id)
    return show(
        "console/members/member.html",
        card=card,
        tabs=_tabs(card),
        tab="overview",
        now=now,
        dates=reads.get_dates(key, now),
        pending=list_pending(key) if key and card.pending else None,
        debts=list_debts(key) if card.owed else [],
        holds=describe_holds(reads.list_holds(key)),
        drawing=draw(lots, card.balance or 0, now, reads.MAX_LOTS),
        tiers=reads.list_tier_changes(key),
        recent=reads.list_recent(key),
    )


@bp.get("/<user_id>/ledger")
@guarded(Access.CONSOLE)
def show_ledger(user_id: str) -> Response:
    """Every point change, each explained: which lots it opened or took."""
    card = reads.get_card(user_id)
    values = {"member_id": _key(card)}
    return show_table(tables.LEDGER, "console/members/ledger.html", values, card=card, tabs=_tabs(card), tab="ledger")


@bp.get("/<user_id>/ledger/<ulid:entry_id>")
@guarded(Access.CONSOLE)
@in_readers_language
def explain(user_id: str, entry_id: UUID) -> Response:
    """Explain a point change: in the dialog for HTMX, else on a page of its own."""
    card, entry = reads.get_card(user_id), get_explained_entry(entry_id, user_id)
    template = "console/members/_why.html" if by_htmx() else "console/members/why.html"
    return show(template, card=card, tabs=_tabs(card), tab="ledger", entry=entry)


def _sub_page(path: str, table: Table, docstring: str) -> Callable[[str], Response]:
    """Add a page of a member that shows one table."""

    def view(user_id: str) -> Response:
        card = reads.get_card(user_id)
        values: dict[str, Any] = {
            "member_id": _key(card),
            "user_id": card.user_id,
            "member_ulid": ids.encode(card.member_id) if card.member_id else "",
        }
        return show_table(table, "console/members/table.html", values, card=card, tabs=_tabs(card), tab=path)

    view.__doc__ = docstring
    endpoint = f"show_{path.replace('-', '_')}"
    bp.add_url_rule(f"/<user_id>/{path}", endpoint, guarded(Access.CONSOLE)(view))
    return view


_sub_page("orders", MEMBER_ORDERS, "What they bought, and what it earned.")
_sub_page("redemptions", tables.REDEMPTIONS, "What they asked for, and what became of it.")
_sub_page("referrals", tables.REFERRALS, "Whom they invited.")
_sub_page("messages", tables.MESSAGES, "What was written to them, or why it was not.")
_sub_page("nudges", tables.NUDGES, "When they were nudged, or why not.")
_sub_page("history", tables.HISTORY, "What operators did to them.")


@bp.get("/<user_id>/sign-ins")
@guarded(Access.CONSOLE)
def show_sign_ins(user_id: str) -> Response:
    """Where they signed in; only admins see this of operators and admins."""
    card = reads.get_card(user_id)
    if not _may_see_sign_ins(card):
        raise NotFound
    values = {"user_id": card.user_id}
    return show_table(
        tables.SIGN_INS, "console/members/table.html", values, card=card, tabs=_tabs(card), tab="sign-ins"
    )


def _may_see_sign_ins(card: reads.CardRow) -> bool:
    return card.role == "member" or current().owns_programme


def _tabs(card: reads.CardRow) -> list[tuple[str, str, str]]:
    """The pages of this member that the caller may see."""
    return [tab for tab in TABS if tab[0] != "sign-ins" or _may_see_sign_ins(card)]


def _key(card: reads.CardRow) -> str | None:
    return str(card.member_id) if card.member_id else None
