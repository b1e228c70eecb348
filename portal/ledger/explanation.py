"""Why an entry is what it is: one sentence for the member, and the facts behind it (CONTRACT-EARNING 8.6).

Facts are stored; sentences are made when read. Entries are explained by their type and metadata, except those of a
source for which another domain has named an explainer (`portal.ledger.web.explain`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.ledger.labels import describe_shortfall, labels_of
from portal.ledger.models import EntryType
from portal.ledger.reads import BESIDE, COLUMNS, EntryRow, describe, serialize_entry
from portal.platform import clock
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.formatting import format_date_in, format_until, grouped, reader_zone
from portal.platform.problems import NotFound
from portal.platform.settings import listeners

EXPLAINED = "explained_source:"

# A credit with the lot that it opened, or those that it gave back to; a debit with the lots that it took from, in the
# order in which they expire.
_ONE = f"""
    SELECT {COLUMNS}, e.member_id, e.source, e.external_id, e.effect, (
        SELECT json_agg(json_build_object(
            'points', l.points, 'expires_at', l.expires_at, 'entry_type', o.entry_type, 'metadata', o.metadata,
            'description', w.description) ORDER BY l.expires_at, l.seq)
        FROM (SELECT id, seq, points, expires_at FROM loyalty_point_expirations
              WHERE member_id = e.member_id AND id = e.id
              UNION ALL
              SELECT p.id, p.seq, abs(d.points), p.expires_at FROM loyalty_lot_debits d
              JOIN loyalty_point_expirations p ON p.member_id = d.member_id AND p.id = d.lot_id
              WHERE d.member_id = e.member_id AND d.entry_id = e.id) l
        JOIN loyalty_ledger_entries o ON o.member_id = e.member_id AND o.seq = l.seq
        LEFT JOIN loyalty_ledger_texts w ON w.member_id = o.member_id AND w.entry_id = o.id) AS lots
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id {BESIDE}
    WHERE e.id = :id
"""
_ANYBODYS = text(_ONE)
_OWN = text(f"{_ONE} AND m.user_id = :user_id")


class EntryNotFound(NotFound):
    """No such ledger entry, or not the caller's."""

    code = "ledger_entry_not_found"
    title = "No such ledger entry"


class ExplainedRow(NamedTuple):
    """An entry with its source, and the lots that it opened, gave back to or took from (None: none of these)."""

    seq: int
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document
    member_id: UUID
    source: str
    external_id: str
    effect: str
    lots: list[Document] | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an entry is what it is, in a sentence, and the facts that this rests on; None: there is no such fact.

    `rule` is `{slug, version, name}`, `basis` is `{amount, currency, excluded: [{what, amount}]}`. `multiplier` is an
    exact factor, such as `1.5`; `cap` is the limit that has cut the points; `order` is the order's reference.
    """

    sentence: str
    rule: Document | None = None
    basis: Document | None = None
    multiplier: str | None = None
    cap: str | None = None
    order: str | None = None


Explainer = Callable[[ExplainedRow], Explanation | None]
"""Explains the entries of a source, but for how long points live; None: by type and metadata, like all others."""


def get_explained_entry(entry_id: UUID, only_user_id: str | None = None) -> Document:
    """An entry as the API shows it, with its `explanation`, in the reader's language.

    :raises EntryNotFound: if there is no such entry, or it is not of `only_user_id`.
    """
    statement, values = (_OWN, {"user_id": only_user_id}) if only_user_id is not None else (_ANYBODYS, {})
    row = read_one(statement, {"id": entry_id, **values}, ExplainedRow)
    if row is None:
        raise EntryNotFound
    entry = EntryRow._make(row[: len(EntryRow._fields)])
    return {**serialize_entry(entry), "explanation": _serialize(_explain(row), row.lots or [])}


def _explain(row: ExplainedRow) -> Explanation:
    explainers: list[Explainer] = listeners(f"{EXPLAINED}{row.source}")
    found = (explainer(row) for explainer in explainers)
    told = next((each for each in found if each is not None), None) or Explanation(
        _SENTENCES.get(row.entry_type, _anything)(row), order=row.metadata.get("order_reference")
    )
    return replace(told, sentence=f"{told.sentence}{_life(row)}")


def _serialize(explanation: Explanation, lots: list[Document]) -> Document:
    return {
        "sentence": explanation.sentence,
        "rule": explanation.rule,
        "basis": explanation.basis,
        "multiplier": explanation.multiplier,
        "cap": explanation.cap,
        "lots": [_lot(lot) for lot in lots],
        "order": explanation.order,
    }


def _lot(lot: Document) -> Document:
    opened_by = describe(lot["entry_type"], lot["metadata"], lot["description"])
    return {"openedBy": opened_by, "points": lot["points"], "expiresAt": _moment(lot["expires_at"])}


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _points(row: ExplainedRow) -> str:
    amount = abs(row.amount)
    return f"{grouped(amount)} {'point' if amount == 1 else 'points'}"


def _life(row: ExplainedRow) -> str:
    """How long the points of a credit live, or the first of those that went back to several lots, in a sentence."""
    if row.amount <= 0 or not row.lots:
        return ""
    first, *others = {lot["expires_at"]: None for lot in row.lots}
    expires_at = _moment(first)
    if expires_at is None:
        return " They never expire."
    return f" {'The first of them are good' if others else 'Good'} until {_until(expires_at)}."


def _until(end: datetime) -> str:
    return format_until(end, clock.now(), reader_zone())


def _of_order(row: ExplainedRow) -> str:
    reference = row.metadata.get("order_reference")
    return f"order {reference}" if reference else "an order"


def _order(row: ExplainedRow) -> str:
    return f"{_points(row)} for {_of_order(row)}."


def _code(row: ExplainedRow, whose: str) -> str:
    code = row.metadata.get("shared_code") or row.metadata.get("referral_code")
    return f" with {whose} {code}" if code else ""


def _referral_bonus(row: ExplainedRow) -> str:
    return f"{_points(row)}, because a friend joined{_code(row, 'your code')}."


def _referral_welcome(row: ExplainedRow) -> str:
    return f"{_points(row)} as a welcome, because you joined{_code(row, 'the code of a friend,')}."


def _streak(row: ExplainedRow) -> str:
    monday = datetime.combine(date.fromisoformat(row.metadata["week"]), time(12), UTC)
    week, length = format_date_in(monday, clock.now(), UTC), row.metadata["length"]
    if length == 1:
        return f"{_points(row)}, because you collected points in the week from {week}."
    return f"{_points(row)}, because you collected points {grouped(length)} weeks in a row, up to that from {week}."


def _redemption(row: ExplainedRow) -> str:
    return f"{_points(row)}, spent on “{describe(row.entry_type, row.metadata, row.description)}”."


def _expiration(row: ExplainedRow) -> str:
    ended = _moment(row.metadata.get("expired_at"))
    return f"{_points(row)}, good until {_until(ended)}: that day has passed." if ended else f"{_points(row)} expired."


def _adjustment(row: ExplainedRow) -> str:
    if "import" in row.metadata:
        return f"{_points(row)} that you brought along."
    done = "added" if row.amount > 0 else "taken away"
    return f"{_points(row)}, {done} by the shop{f': “{row.description}”' if row.description else ''}."


def _reversal(row: ExplainedRow) -> str:
    done = "given back" if row.amount > 0 else "taken back"
    if "order_reference" not in row.metadata:
        why = f": “{row.description}”" if row.description else ""
        return f"{_points(row)} {done}{why}{describe_shortfall(row.metadata)}."
    return f"{_points(row)} {done} for {_of_order(row)}{describe_shortfall(row.metadata)}."


def _recovery(row: ExplainedRow) -> str:
    if "redemption_id" in row.metadata:
        return f"{_points(row)} of what a request gave back, taken to settle what you owed."
    lots = row.lots or []
    what = describe(lots[0]["entry_type"], lots[0]["metadata"], lots[0]["description"]) if lots else ""
    return f"{_points(row)} of “{what}”, taken to settle what you owed."


def _anything(row: ExplainedRow) -> str:
    what = describe(row.entry_type, row.metadata, row.description)
    return f"{_points(row)}{'' if row.amount > 0 else ' less'}: {labels_of(row.entry_type).title.format(what=what)}."


_SENTENCES: dict[str, Callable[[ExplainedRow], str]] = {
    EntryType.ORDER: _order,
    EntryType.REFERRAL_BONUS: _referral_bonus,
    EntryType.REFERRAL_WELCOME: _referral_welcome,
    EntryType.STREAK_BONUS: _streak,
    EntryType.REDEMPTION: _redemption,
    EntryType.EXPIRATION: _expiration,
    EntryType.ADJUSTMENT: _adjustment,
    EntryType.REVERSAL: _reversal,
    EntryType.RECOVERY: _recovery,
}
