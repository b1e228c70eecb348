"""The console of imports: a file of members is checked row by row, then applied all or nothing."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from flask_wtf.file import FileField, FileRequired
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField

from portal.accounts.web import Access, acting, current, guarded
from portal.imports.apply import confirm_import
from portal.imports.files import COLUMNS, FileRefused
from portal.imports.models import MemberImport
from portal.imports.staging import stage_import
from portal.imports.web.tables import IMPORTS, ROWS
from portal.ledger import EarningRules
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.formatting import grouped
from portal.platform.problems import NotFound
from portal.platform.settings import current_settings
from portal.platform.web.forms import PortalForm, ReasonForm

bp = Blueprint("imports_console", __name__, url_prefix="/admin/imports")

MAX_BYTES = 48 * 1024 * 1024
EXAMPLE = (
    "shop-1001",
    "ada@example.com",
    "Ada Lovelace",
    "+4915112345678",
    "Europe/Berlin",
    "de-DE",
    "12-31",
    "yes",
    "1200",
    "2027-12-31",
    "",
)


class UploadForm(PortalForm):
    """The file to check. It has no once-only key, so that one can go back and choose another file in the same form."""

    file = FileField("CSV file", validators=[FileRequired(message="Choose a file.")])


class ConfirmForm(ReasonForm):
    """Why the file is imported, and whether its members hear of it."""

    announce = BooleanField("Tell members by message about the tier that their balance opens")


@bp.url_value_preprocessor
def allow_large_files(endpoint: str | None, _: dict[str, Any] | None) -> None:
    """Raise the size limit of the upload request, before anything reads the body."""
    if endpoint == "imports_console.upload":
        request.max_content_length = MAX_BYTES


@bp.get("")
@guarded(Access.CONSOLE)
def list_imports() -> Response:
    """Every file that was checked, newest first."""
    return show_table(IMPORTS, "console/imports/list.html")


@bp.get("/template")
@guarded(Access.CONSOLE)
def template() -> Response:
    """A file with every column and one row, to be filled in."""
    body = f"{','.join(COLUMNS)}\r\n{','.join(EXAMPLE)}\r\n"
    headers = {"Content-Disposition": 'attachment; filename="members-template.csv"'}
    return Response(body, content_type="text/csv; charset=utf-8", headers=headers)


@bp.route("/new", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def upload() -> AnyResponse:
    """Check a file; only the report about it is written."""
    form, problem = UploadForm(), ""
    if form.validate_on_submit():
        try:
            with db.session.begin_nested():
                made = _stage(form)
            return redirect(url_for("imports_console.report", import_id=made.id), 303)
        except FileRefused as error:
            problem = error.detail
    status = 422 if form.is_submitted() else 200
    most = current_settings().import_max_rows
    return show("console/imports/new.html", status, form=form, problem=problem, columns=COLUMNS, most=most)


@bp.get("/<ulid:import_id>")
@guarded(Access.CONSOLE)
def report(import_id: UUID) -> Response:
    """What the file would do, or has done, row by row."""
    staged = db.session.get(MemberImport, import_id)
    if staged is None:
        raise NotFound
    return show_table(ROWS, "console/imports/report.html", {"import_id": str(import_id)}, staged=staged)


@bp.route("/<ulid:import_id>/apply", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def apply(import_id: UUID) -> AnyResponse:
    """Ask for the reason, then let a worker import the file."""
    form, back = ConfirmForm(), url_for("imports_console.report", import_id=import_id)
    staged = db.session.get(MemberImport, import_id)
    if staged is None:
        raise NotFound
    question = Question("Import this file?", "Import", back, _consequence(staged.figures))
    if not form.validate_on_submit():
        return ask(form, question)
    confirm = partial(
        confirm_import,
        db.session(),
        import_id,
        acting(form.reason.data or ""),
        announce=form.announce.data,
        over_staff=current().owns_programme,
    )
    problem = attempt(confirm)
    return ask(form, question, problem) if problem else done("The import has begun.", back)


def _stage(form: UploadForm) -> MemberImport:
    settings, file = current_settings(), form.file.data
    file.stream.seek(0)  # an attempt before this one may have read it
    return stage_import(
        db.session(),
        file.stream,
        secure_filename(file.filename or "")[:120] or "members.csv",
        acting(),
        over_staff=current().owns_programme,
        most=settings.import_max_rows,
        rules=EarningRules.of(settings),
    )


def _consequence(figures: Document) -> str:
    new, updated, points, balances = (grouped(figures[name]) for name in ("new", "updated", "points", "balances"))
    return (
        f"{new} users are made, {updated} changed, and {points} points credited to {balances} members: "
        "all of it, or nothing."
    )
