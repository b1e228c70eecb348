"""Ids: ULIDs as uuid, ordered by time."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock, ids


def test_ids_of_one_process_ascend_even_within_a_millisecond() -> None:
    with clock.at(datetime(2026, 1, 1, tzinfo=UTC)):
        made = [ids.new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000


def test_an_id_is_shown_in_26_characters_and_read_back() -> None:
    made = ids.new_id()
    assert len(ids.encode(made)) == 26
    assert ids.parse(ids.encode(made)) == made
    assert ids.parse(ids.encode(made).lower()) == made


def test_the_database_writes_ids_alike(session: Session) -> None:
    made = [ids.new_id() for _ in range(50)] + [UUID(int=0), UUID(int=2**128 - 1)]
    written = session.scalars(text("SELECT ulid_text(id) FROM unnest(CAST(:made AS uuid[])) AS m(id)"), {"made": made})
    assert written.all() == [ids.encode(value) for value in made]


def test_what_is_no_id_is_none() -> None:
    for word in ("", "x", "U" * 26, "8" + "Z" * 25, "01HZY9K8C2Q7E4"):
        assert ids.parse(word) is None, word
