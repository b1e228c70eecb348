"""Files that change operators and admins: only what an admin has both checked and confirmed."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from tests.factories.accounts import make_user, sign_in
from tests.imports.test_imports import bring, confirm, upload, work_off

FILE = "user_id,email\namy,amy@elsewhere.example\n"


def test_an_operator_does_not_change_an_admin_by_confirming_an_admins_file(
    client: FlaskClient, session: Session
) -> None:
    make_user(session, id="amy", role="admin", email="amy@example.com")
    boss, olu = make_user(session, id="boss", role="admin"), make_user(session, id="olu", role="operator")
    sign_in(client, boss)
    report = upload(client, FILE)
    operator = client.application.test_client()
    sign_in(operator, olu)

    assert confirm(operator, report) == 303
    work_off(session)

    assert session.get_one(User, "amy").email == "amy@example.com"
    assert "whom only an admin may change" in operator.get(report).text


def test_an_admins_own_file_changes_an_operator(client: FlaskClient, session: Session) -> None:
    make_user(session, id="amy", role="operator", email="amy@example.com")
    sign_in(client, make_user(session, id="boss", role="admin"))

    bring(session, client, FILE)

    assert session.get_one(User, "amy").email == "amy@elsewhere.example"
