"""Roles and disabling."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import access
from portal.accounts.models import User
from portal.accounts.problems import UserNotFound
from portal.accounts.users import get_user
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry
from portal.platform.problems import InvalidInput
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import make_user


def test_a_role_is_given_and_audited(session: Session) -> None:
    user = make_user(session)
    access.set_role(session, user.id, "operator", Act("user:admin", clock.now(), "joined the team"))
    access.set_role(session, user.id, "operator", Act("user:admin", clock.now()))
    entry = session.scalars(select(AuditEntry)).one()
    assert user.role == "operator"
    assert (entry.before, entry.after, entry.reason) == ({"role": "member"}, {"role": "operator"}, "joined the team")


def test_unknown_roles_and_users_are_refused(session: Session) -> None:
    with pytest.raises(InvalidInput):
        access.set_role(session, make_user(session).id, "emperor", Act("user:admin", clock.now()))
    for verb in (access.disable_user, access.enable_user):
        with pytest.raises(UserNotFound):
            verb(session, "nobody", Act("user:admin", clock.now()))
    with pytest.raises(UserNotFound):
        get_user(session, "nobody")


def test_the_last_admin_stays(session: Session) -> None:
    admin = make_user(session, role="admin")
    with pytest.raises(access.LastAdmin):
        access.set_role(session, admin.id, "member", Act("user:admin", clock.now()))
    with pytest.raises(access.LastAdmin):
        access.disable_user(session, admin.id, Act("user:admin", clock.now()))
    second = make_user(session, role="admin")
    access.disable_user(session, admin.id, Act("user:admin", clock.now()))
    with pytest.raises(access.LastAdmin):
        access.set_role(session, second.id, "operator", Act("user:admin", clock.now()))
    access.enable_user(session, admin.id, Act("user:admin", clock.now()))
    assert access.set_role(session, second.id, "operator", Act("user:admin", clock.now())).role == "operator"


def test_admins_who_demote_each_other_leave_one(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        names = [make_user(session, role="admin").id for _ in range(4)]

    def demote(number: int) -> bool:
        try:
            with unit_of_work() as session:
                access.set_role(session, names[number], "member", Act("user:admin", clock.now()))
        except access.LastAdmin:
            return False
        return True

    assert sorted(at_once(committed_app, 4, demote)) == [False, True, True, True]
    with committed_app.app_context(), unit_of_work() as session:
        assert len(session.scalars(select(User.id).where(User.role == "admin")).all()) == 1
