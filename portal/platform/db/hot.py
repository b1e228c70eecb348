"""Hot reads: one round trip both reads the answer and checks the caller's token.

A separate statement for the token is a third of what such a read costs (35 % of the bare floor instead of 24 %, by
`make bench`). So a token that was live a moment ago is accepted at first, and `read_hot` adds the check to the view's
statement: a revoked token reads nothing, and authors of statements need not add the check themselves.
"""

from functools import lru_cache
from typing import Any, Protocol, cast, overload

from flask import Flask, current_app
from sqlalchemy import TextClause, text

from portal.platform.db.reads import Row, Values, read_all


class Proof(Protocol):
    """The check of the caller's token that is still to be made. `condition` is SQL."""

    condition: str

    def take(self) -> Values:
        """The parameters of `condition` for the current request; a row read with them proves the token."""

    def settle(self, *, proven: bool) -> None:
        """Finish the check: `proven` says whether a row was read; if not, the token is checked separately.

        :raises portal.platform.problems.DomainError: if the caller may not have an answer.
        """


@overload
def read_hot(statement: TextClause, values: Values) -> list[Any]: ...
@overload
def read_hot(statement: TextClause, values: Values, row: type[Row]) -> list[Row]: ...
def read_hot(statement: TextClause, values: Values, row: type[Row] | None = None) -> list[Row]:
    """`read_all` for a view that `proves_token`: a row of the answer proves the caller's token.

    :raises portal.platform.problems.DomainError: if the token has been revoked or has expired.
    """
    proof = cast("Proof", current_app.extensions["proof"])
    proving, proven_by = _proving(statement, proof.condition), {**values, **proof.take()}
    rows: list[Row] = read_all(proving, proven_by) if row is None else read_all(proving, proven_by, row)
    proof.settle(proven=bool(rows))
    return rows


@lru_cache(maxsize=64)
def _proving(statement: TextClause, condition: str) -> TextClause:
    return text(f"SELECT answer.* FROM ({statement.text}) answer WHERE {condition}")


def prove_by(app: Flask, proof: Proof) -> None:
    """Set how callers' tokens are checked; one per application."""
    app.extensions["proof"] = proof
