"""The console of tiers: counts, a preview of who would rise, and changes with a reason."""

import re
from itertools import pairwise

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.platform import ids
from portal.platform.models import AuditEntry
from portal.tiers.models import Tier
from portal.tiers.preview import preview_tier
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_tier
from tests.statements import counted

LIST = "/admin/programme/tiers"
NEW = "/admin/programme/new-tier"
EARNED = (0, 40, 100, 120, 180, 250, 500)
LADDER = {"bronze": 0, "silver": 100, "gold": 200}


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def ladder(session: Session) -> list[Member]:
    """Bronze from 0, silver from 100, gold from 200, and seven members on them."""
    for slug, threshold in LADDER.items():
        make_tier(session, slug, threshold, benefits=[{"kind": "shipping", "label": f"{slug} parcels", "value": 2}])
    return [make_member(session, make_user(session), points=points) for points in EARNED]


def fields_of(name: str, threshold: int, **fields: str) -> dict[str, str]:
    """What the form of a tier sends."""
    return {"name": name.title(), "threshold": str(threshold), "active": "y", **fields}


def send(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": csrf(client), **fields})
    return answer.status_code, answer.text


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def save(client: FlaskClient, of: str, seen: str, **fields: str) -> tuple[int, str]:
    once = {"idempotency_key": ids.encode(ids.new_id()), "seen": seen}
    return send(client, f"{LIST}/{of}" if of else NEW, **once, **fields)


@pytest.mark.usefixtures("ladder")
def test_the_list_counts_the_members_of_each_tier(operator: FlaskClient) -> None:
    rows = operator.get(f"{LIST}?format=csv").text.splitlines()[1:]
    counts = {row.split(",")[1]: row.split(",")[4:6] for row in rows}
    assert counts == {"bronze": ["2", "exactly"], "silver": ["3", "exactly"], "gold": ["2", "exactly"]}
    assert operator.get(LIST).text.count('data-testid="row"') == 3


def risen(ladder: dict[str, int], earned: tuple[int, ...], slug: str, threshold: int) -> int:
    """By a small model: how many of these members, each on the tier they have earned, would stand higher."""

    def place(steps: dict[str, int], points: int) -> str:
        return max((at, name) for name, at in steps.items() if at <= points)[1]

    after = {**ladder, slug: threshold}
    return sum(after[place(after, points)] > after[place(ladder, points)] for points in earned)


@pytest.mark.usefixtures("ladder")
@pytest.mark.parametrize(
    ("slug", "threshold"),
    [
        ("gold", 110),
        ("gold", 101),
        ("gold", 300),
        ("silver", 40),
        ("silver", 1),
        ("silver", 199),
        ("platinum", 250),
        ("platinum", 501),
        ("iron", 20),
        ("iron", 150),
    ],
)
def test_the_preview_tells_what_saving_then_does(session: Session, slug: str, threshold: int) -> None:
    fields = {"name": slug.title(), "threshold": threshold}
    moves = preview_tier(session, slug, dict(fields))
    before = {member.id: member.tier_id for member in session.scalars(select(Member))}

    make_tier(session, slug, threshold)

    session.expire_all()
    moved = [member for member in session.scalars(select(Member)) if member.tier_id != before[member.id]]
    assert sum(move.members for move in moves) == len(moved) == risen(LADDER, EARNED, slug, threshold)


@pytest.mark.usefixtures("ladder")
def test_a_tier_that_is_put_away_keeps_its_members_and_takes_others_when_it_comes_back(session: Session) -> None:
    gold = {"name": "Gold", "threshold": 200}
    assert preview_tier(session, "gold", {**gold, "active": False}) == []
    make_tier(session, "gold", 200, active=False)
    make_member(session, make_user(session), points=300)

    moves = preview_tier(session, "gold", {**gold, "active": True})

    assert [(move.from_name, move.to_name, move.members) for move in moves] == [("Silver", "Gold", 1)]


@pytest.mark.usefixtures("ladder")
def test_a_tier_is_saved_only_as_it_was_previewed(operator: FlaskClient, session: Session) -> None:
    fields = fields_of("gold", 110, position="3")

    status, page = send(operator, f"{LIST}/gold/preview", **fields)
    assert (status, re.findall(r'data-members="(\d+)"', page)) == (200, ["2"])
    assert session.scalar(select(Tier.threshold).where(Tier.slug == "gold")) == 200

    seen = seen_in(page)
    assert save(operator, "gold", seen, **fields)[0] == 422
    assert save(operator, "gold", seen, **{**fields, "threshold": "120"}, reason="sale")[0] == 409
    assert save(operator, "gold", seen, **fields, reason="sale")[0] == 303

    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "tier.put", AuditEntry.reason != "")).one()
    assert (entry.actor, entry.object_id, entry.reason) == ("user:olu", "gold", "sale")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["threshold"], entry.after["threshold"]) == (200, 110)


@pytest.mark.usefixtures("ladder")
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (fields_of("gold", 50, position="3"), "so a tier above it must need more"),
        (fields_of("gold", 200, position="1"), "Bronze has the position 1 already"),
        (fields_of("gold", 100, position="3"), "Silver has the threshold 100 already"),
        (fields_of("gold", 200, position="0"), "so a tier below it must need fewer"),
        (fields_of("gold", -1), "Enter a number from 0"),
        (fields_of("", 200), "Enter a name."),
    ],
)
def test_an_order_that_would_not_ascend_is_refused_beside_its_field(
    operator: FlaskClient, fields: dict[str, str], sentence: str
) -> None:
    status, page = send(operator, f"{LIST}/gold/preview", **fields)
    assert status == 422
    assert sentence in page
    assert 'data-testid="preview"' not in page


@pytest.mark.usefixtures("ladder")
def test_benefits_are_rows_that_come_and_go(operator: FlaskClient, session: Session) -> None:
    rows = {
        "benefits-0-kind": "shipping",
        "benefits-0-label": "gold parcels",
        "benefits-0-value": "2",
        "benefits-1-kind": "",
        "benefits-1-label": "",
        "benefits-1-value": "",
        "benefits-2-kind": "multiplier",
        "benefits-2-label": "More points",
        "benefits-2-value": "1.5",
        "benefits-3-kind": "gift",
        "benefits-3-label": "A cake",
        "benefits-3-value": "",
    }
    fields = fields_of("gold", 200, **rows)
    assert send(operator, f"{LIST}/gold/preview", **{**fields, "benefits-3-kind": ""})[0] == 422

    seen = seen_in(send(operator, f"{LIST}/gold/preview", **fields)[1])
    assert save(operator, "gold", seen, **fields, reason="more")[0] == 303

    session.expire_all()
    assert session.scalars(select(Tier).where(Tier.slug == "gold")).one().benefits == [
        {"kind": "shipping", "label": "gold parcels", "value": 2},
        {"kind": "multiplier", "label": "More points", "value": 1.5},
        {"kind": "gift", "label": "A cake"},
    ]


@pytest.mark.usefixtures("ladder")
def test_a_new_tier_stands_by_its_threshold_and_takes_nobodys_id(operator: FlaskClient, session: Session) -> None:
    assert send(operator, f"{NEW}/preview", **fields_of("gold", 150), slug="gold")[0] == 422
    assert send(operator, f"{NEW}/preview", **fields_of("iron", 150), slug="Iron!")[0] == 422
    fields = fields_of("iron", 150, slug="iron")
    status, page = send(operator, f"{NEW}/preview", **fields)
    assert (status, re.findall(r'data-members="(\d+)"', page)) == (200, ["1"])

    assert save(operator, "", seen_in(page), **fields, reason="between")[0] == 303

    tiers = list(session.scalars(select(Tier).order_by(Tier.threshold)))
    assert [tier.slug for tier in tiers] == ["bronze", "silver", "iron", "gold"]
    assert all(one.position < other.position for one, other in pairwise(tiers))


@pytest.mark.usefixtures("ladder")
def test_pages_send_at_most_eight_statements(operator: FlaskClient, session: Session) -> None:
    for path in (LIST, f"{LIST}/gold", NEW):
        with counted(session) as sent:
            assert operator.get(path).status_code == 200
        assert len(sent) <= 8, sent


def test_an_unknown_tier_is_not_found(operator: FlaskClient) -> None:
    assert operator.get(f"{LIST}/mithril").status_code == 404
