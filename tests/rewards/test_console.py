"""The console of rewards: the catalogue, its stock, and changes with a reason."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.platform import ids
from portal.platform.models import AuditEntry
from portal.rewards.models import Reward
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, make_tier, request_reward
from tests.statements import counted

LIST = "/admin/programme/rewards"
NEW = "/admin/programme/new-reward"
ROW = 'data-testid="row"'
FIELDS = {
    "name": "Mug",
    "description": "",
    "points_cost": "100",
    "inventory": "",
    "per_member_limit": "",
    "min_tier": "",
    "starts_at": "",
    "ends_at": "",
    "icon": "mug",
    "image_url": "",
    "active": "y",
    "reason": "as agreed",
}


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in, whose clock is in Berlin."""
    sign_in(client, make_user(session, id="olu", role="operator", timezone="Europe/Berlin"))
    return client


@pytest.fixture
def mug(session: Session) -> Reward:
    """A mug for 100 points, one of three taken, and a reward that is withdrawn."""
    make_tier(session, "gold", 500)
    make_reward(session, "cap", 50, name="=Cap", active=False)
    mug = make_reward(session, "mug", 100, inventory=3, icon="package")
    request_reward(session, make_member(session, points=100), "mug")
    return mug


def post(client: FlaskClient, path: str, **fields: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(path, data={name: value for name, value in form.items() if value != "OFF"}).status_code


def entry_of(session: Session, slug: str) -> AuditEntry:
    mine = (AuditEntry.action == "reward.put", AuditEntry.object_id == slug, AuditEntry.actor == "user:olu")
    return session.scalars(select(AuditEntry).where(*mine)).one()


@pytest.mark.usefixtures("mug")
def test_the_list_tells_state_and_stock(operator: FlaskClient) -> None:
    assert operator.get(LIST).text.count(ROW) == 2
    assert operator.get(f"{LIST}?state=withdrawn").text.count(ROW) == 1
    assert operator.get(f"{LIST}?find=MU").text.count(ROW) == 1
    lines = operator.get(f"{LIST}?format=csv").text.splitlines()
    assert {line.split(",")[1]: line.split(",")[3:6] for line in lines[1:]} == {
        "cap": ["withdrawn", "", "0"],
        "mug": ["offered", "2", "1"],
    }
    assert "'=Cap," in "".join(lines)


def test_a_change_needs_a_reason_and_is_kept_with_before_and_after(
    operator: FlaskClient, session: Session, mug: Reward
) -> None:
    changed = {
        **FIELDS,
        "points_cost": "120",
        "inventory": "",
        "min_tier": "gold",
        "starts_at": "2026-07-01T12:00",
        "ends_at": "2026-08-01T00:00:30",
        "image_url": "https://cdn.example/mug.jpg",
        "icon": "package",
    }

    assert post(operator, f"{LIST}/mug", **{**changed, "reason": " "}) == 422
    assert post(operator, f"{LIST}/mug", **changed) == 303

    session.expire_all()
    assert (mug.points_cost, mug.inventory, mug.icon) == (120, None, "package")
    assert mug.starts_at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert mug.ends_at == datetime(2026, 7, 31, 22, 0, 30, tzinfo=UTC)
    entry = entry_of(session, "mug")
    assert entry.reason == "as agreed"
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["points_cost"], entry.before["min_tier"]) == (100, None)
    assert (entry.after["points_cost"], entry.after["min_tier"]) == (120, "gold")


@pytest.mark.usefixtures("mug")
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"name": ""}, 422),
        ({"points_cost": "0"}, 422),
        ({"points_cost": "many"}, 422),
        ({"per_member_limit": "0"}, 422),
        ({"min_tier": "mithril"}, 422),
        ({"image_url": "javascript:alert(1)"}, 422),
        ({"icon": "../../etc"}, 422),
        ({"starts_at": "0001-01-01T00:00"}, 422),
        ({"ends_at": "soon"}, 422),
        ({"inventory": "0"}, 409),
        ({"starts_at": "2026-08-01T00:00", "ends_at": "2026-07-01T00:00"}, 409),
    ],
)
def test_what_cannot_be_is_refused_and_typed_values_stay(
    operator: FlaskClient, wrong: dict[str, str], status: int
) -> None:
    assert post(operator, f"{LIST}/mug", **{**FIELDS, **wrong}) == status


@pytest.mark.usefixtures("mug")
def test_the_form_shows_times_of_the_operators_zone(operator: FlaskClient) -> None:
    assert post(operator, f"{LIST}/mug", **{**FIELDS, "icon": "package", "starts_at": "2026-07-01T12:00"}) == 303
    page = operator.get(f"{LIST}/mug").text
    assert 'value="2026-07-01T12:00:00"' in page
    assert '<option selected value="package">' in page


@pytest.mark.usefixtures("mug")
def test_a_new_reward_takes_nobodys_id(operator: FlaskClient, session: Session) -> None:
    assert post(operator, NEW, **FIELDS, slug="mug") == 422
    assert post(operator, NEW, **FIELDS, slug="Tote bag") == 422
    assert post(operator, NEW, **{**FIELDS, "name": "Tote", "active": "OFF"}, slug="tote") == 303
    assert entry_of(session, "tote").before is None
    assert session.scalars(select(Reward).where(Reward.slug == "tote")).one().active is False


def test_a_reward_leaves_the_catalogue_and_comes_back(operator: FlaskClient, session: Session, mug: Reward) -> None:
    assert post(operator, f"{LIST}/mug/withdraw") == 422
    assert post(operator, f"{LIST}/mug/withdraw", reason="sold elsewhere") == 303
    session.expire_all()
    assert mug.active is False
    assert entry_of(session, "mug").reason == "sold elsewhere"
    assert post(operator, f"{LIST}/mug/offer", reason="back in stock") == 303
    session.expire_all()
    assert mug.active is True


@pytest.mark.usefixtures("mug")
def test_pages_send_at_most_eight_statements(operator: FlaskClient, session: Session) -> None:
    for path in (LIST, f"{LIST}/mug", NEW, f"{LIST}/mug/withdraw"):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, sent


def test_an_unknown_reward_is_not_found(operator: FlaskClient) -> None:
    for path in (f"{LIST}/none", f"{LIST}/none/withdraw"):
        assert operator.get(path).status_code == 404
