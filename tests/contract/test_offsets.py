"""Every offset that RFC 3339 allows is a moment, wherever a time is taken; other times are refused (CONTRACT 1)."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.imports.models import MemberImportRow
from portal.platform import ids
from tests.contract.shop import Shop
from tests.factories.accounts import csrf, make_user, sign_in

LOCAL = "2099-06-15T12:30:00"
QUARTERS = range(-23 * 60 - 45, 24 * 60, 15)
OFFSETS = [
    *(f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" for minutes in QUARTERS),
    "+23:59",
    "-23:59",
    "+16:00",
    "-16:00",
    "-00:00",
    "+00:01",
    "-15:59",
    "Z",
    "z",
]
NO_TIMES = [
    f"{LOCAL}+24:00",
    f"{LOCAL}-24:00",
    f"{LOCAL}+15:60",
    f"{LOCAL}+99:99",
    f"{LOCAL}+1:00",
    f"{LOCAL}+0100",
    f"{LOCAL}+01:00:30",
    f"{LOCAL}+01",
    f"{LOCAL}\N{MINUS SIGN}01:00",
    f"{LOCAL} +01:00",
    f"{LOCAL}+٠١:٠٠",
    "2099-06-15T24:00:00Z",
    "2099-02-30T12:00:00Z",
    "2099-06-15T12:60:00Z",
    "2099-W24-1T12:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "20990615T123000Z",
]


def utc(offset: str) -> datetime:
    """The moment, worked out without what is tested."""
    naive = datetime.fromisoformat(LOCAL).replace(tzinfo=UTC)
    if offset in "Zz":
        return naive
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    return naive - (-1 if offset[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)


def test_each_offset_is_kept_as_the_same_moment_in_utc(shop: Shop, ann: str) -> None:
    assert len(OFFSETS) > 198
    for offset in OFFSETS:
        shop.credit(ann, 1, expiresAt=LOCAL + offset)
    kept = {lot["expiresAt"]: lot["points"] for lot in shop.member(ann)["expiring"]}

    wanted = [utc(offset).isoformat() for offset in OFFSETS]
    assert kept == {moment: wanted.count(moment) for moment in wanted}


@pytest.mark.parametrize("given", NO_TIMES)
def test_what_is_no_moment_is_refused_by_its_field(shop: Shop, ann: str, given: str) -> None:
    body = {"points": 1, "reason": "Goodwill", "expiresAt": given}
    refused = shop.api.post(f"/members/{ann}/adjustments", body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.get_json()["errors"]] == ["expiresAt"]


@pytest.mark.parametrize("offset", ["+16:00", "-16:00", "+23:59", "-23:59"])
def test_the_window_of_a_reward_takes_them_too(shop: Shop, offset: str) -> None:
    shop.reward("mug", 10, startsAt=f"2020-01-01T00:00:00{offset}", endsAt=LOCAL + offset)
    assert shop.stock("mug") == (None, True)
    refused = shop.api.put("/rewards/mug", {"endsAt": "9999-12-31T23:59:59-23:59"})
    assert refused.status_code == 422


def check(client: FlaskClient, cells: list[str]) -> None:
    lines = [f"u{n},u{n}@example.com,Una,5,{cell}" for n, cell in enumerate(cells)]
    content = "\n".join(["user_id,email,name,points,expires_at", *lines]).encode()
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id())}
    answer = client.post("/admin/imports/new", data={**form, "file": (BytesIO(content), "members.csv")})
    assert answer.status_code == 303


def test_a_cell_of_an_import_takes_the_same_times_and_names_the_others(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="operator"))
    check(client, [*(LOCAL + offset for offset in OFFSETS), *NO_TIMES])
    rows = session.scalars(select(MemberImportRow).order_by(MemberImportRow.line)).all()

    good, bad = rows[: len(OFFSETS)], rows[len(OFFSETS) :]
    assert [row.problems for row in good] == [[]] * len(OFFSETS)
    assert [row.expires_at for row in good] == [utc(offset) for offset in OFFSETS]
    assert all(row.problems and row.problems[0].startswith("expires_at: ") for row in bad)
