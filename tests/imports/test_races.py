"""Files that are imported at the same moment, and a storefront that writes the same users meanwhile."""

from io import BytesIO

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from portal.accounts.users import upsert_user
from portal.imports.apply import TOPIC, apply_import, confirm_import
from portal.imports.models import ImportStatus, MemberImport
from portal.imports.staging import stage_import
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.platform import clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import make_user
from tests.factories.loyalty import RULES

PEOPLE = 60
FILE = "user_id,email,name,points\n" + "".join(f"u{n},u{n}@example.com,User {n},10\n" for n in range(PEOPLE))


def confirmed() -> str:
    """A file that waits for a worker; its id."""
    with unit_of_work() as session:
        made = stage_import(
            session,
            BytesIO(FILE.encode()),
            "m.csv",
            Act("user:olu", clock.now()),
            over_staff=False,
            most=1000,
            rules=RULES,
        ).id
        confirm_import(session, made, Act("user:olu", clock.now(), "moved"), announce=False, over_staff=False)
    return ids.encode(made)


def until_done(import_id: str) -> None:
    """What workers do: deliver the message until it is done, as the outbox gives it back after an error."""
    for _ in range(5):
        try:
            apply_import(outbox.Claimed(ids.new_id(), TOPIC, {"import_id": import_id}, 1, 1))
        except DBAPIError:
            continue
        return


def test_two_files_with_the_same_members_credit_each_once(committed_app: Portal) -> None:
    with committed_app.app_context():
        with unit_of_work() as session:
            for n in range(0, PEOPLE, 2):
                make_user(session, id=f"u{n}", email=f"u{n}@example.com")
        files = [confirmed(), confirmed()]

    def act(number: int) -> None:
        if number < 4:
            until_done(files[number % 2])
            return
        for n in range(PEOPLE):
            with unit_of_work() as session:
                changes = {"email": f"u{n}@example.com", "name": f"Shop {n}"}
                upsert_user(session, f"u{n}", changes, actor="token:shop", over_staff=True)

    at_once(committed_app, 5, act)

    with committed_app.app_context(), unit_of_work() as session:
        statuses = set(session.scalars(select(MemberImport.status)))
        assert statuses == {ImportStatus.APPLIED}
        assert sorted(session.scalars(select(LedgerEntry.amount))) == [10] * PEOPLE
        assert find_differences(session) == []
