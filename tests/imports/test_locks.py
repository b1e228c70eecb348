"""While a file is imported its members sign in and get messages: only writers of the same users wait."""

from sqlalchemy import text

from portal.accounts import lock_profiles
from portal.imports.apply import PROFILES
from portal.imports.models import MemberImport, MemberImportRow
from portal.platform import clock, ids
from portal.platform.db import db, unit_of_work
from portal.platform.web.application import Portal
from tests.factories.accounts import make_user


def test_what_refers_to_a_user_does_not_wait_for_an_import(committed_app: Portal) -> None:
    now, made = clock.now(), ids.new_id()
    with committed_app.app_context():
        with unit_of_work() as session:
            make_user(session, id="ada")
            session.add(
                MemberImport(
                    id=made,
                    file_name="m.csv",
                    status="checked",
                    created_at=now,
                    created_by="user:olu",
                    figures={},
                    over_staff=False,
                )
            )
            session.flush()
            session.add(
                MemberImportRow(
                    import_id=made,
                    line=2,
                    user_id="ada",
                    points=0,
                    row_key="opening",
                    outcome="updated",
                    credited_before=False,
                    problems=[],
                )
            )
        with unit_of_work() as session, db.engine.connect() as other:
            lock_profiles(session, PROFILES, {"id": made})

            assert other.execute(text("SELECT id FROM users FOR KEY SHARE NOWAIT")).all() == [("ada",)]
            assert other.execute(text("SELECT id FROM users FOR NO KEY UPDATE SKIP LOCKED")).all() == []
