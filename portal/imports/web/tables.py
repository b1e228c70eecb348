"""The imports of members, and the rows of one, as the consoles list them."""

from portal.imports.models import ImportStatus, Outcome
from portal.platform.console.tables import Column, Filter, Table, choices_of

IMPORTS = Table(
    name="imports",
    source="member_imports i",
    key="i.id",
    key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Import", "i.id", "ulid", sorts="uuid"),
        Column("file_name", "File", "i.file_name"),
        Column("status", "Status", "i.status", "status"),
        Column("rows", "Rows", "CAST(i.figures ->> 'rows' AS bigint)", "number"),
        Column("refused", "Refused", "CAST(i.figures ->> 'refused' AS bigint)", "number"),
        Column("points", "Points", "CAST(i.figures ->> 'points' AS bigint)", "points"),
        Column("created_at", "Checked", "i.created_at", "moment"),
        Column("created_by", "By", "i.created_by", "code"),
        Column("finished_at", "Done", "i.finished_at", "moment"),
        Column("reason", "Reason", "coalesce(i.reason, '')"),
    ),
    filters=(Filter("status", "Status", "i.status = :status", choices_of(ImportStatus)),),
)
ROWS = Table(
    name="import-rows",
    source="member_import_rows r",
    where="r.import_id = CAST(:import_id AS uuid)",
    key="r.line",
    key_type="integer",
    order="line",
    columns=(
        Column("line", "Line", "r.line", "number", sorts="integer"),
        Column("outcome", "Outcome", "r.outcome", "status"),
        Column("user_id", "User id", "r.user_id", "code"),
        Column("problems", "What is wrong", "array_to_string(r.problems, '; ')", "sentence"),
        Column("points", "Points", "r.points", "points"),
        Column("credited_before", "Credited before", "r.credited_before", "flag"),
        Column("expires_at", "Expire", "CASE WHEN r.points > 0 THEN r.expires_at END", "day"),
        Column("email", "Email", "coalesce(r.email, '')", "code"),
        Column("name", "Name", "coalesce(r.name, '')"),
        Column("phone_number", "Phone", "coalesce(r.phone_number, '')", "code"),
        Column("timezone", "Time zone", "coalesce(r.timezone, '')", "code"),
        Column("locale", "Locale", "coalesce(r.locale, '')", "code"),
        Column("birthday", "Birthday", "coalesce(r.birthday, '')", "code"),
        Column("marketing_messages", "Marketing", "r.marketing_messages", "flag"),
        Column("row_key", "Key", "r.row_key", "code"),
    ),
    filters=(Filter("outcome", "Outcome", "r.outcome = :outcome", choices_of(Outcome)),),
)
