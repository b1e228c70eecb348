"""A problem's members of RFC 9457 keep their meaning, whatever a domain adds (CONTRACT 1)."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

import portal
from portal.platform import ids
from portal.platform.problems import RESERVED, Conflict, DomainError, InvalidInput
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import earn, make_member, make_reward, request_reward
from tests.factories.referrals import complete, make_invite

SAMPLES = {
    str: "a word",
    int: 3,
    float: 1.5,
    bool: True,
    UUID: UUID(int=1),
    datetime: datetime(2027, 1, 1, tzinfo=UTC),
    dict: {},
    list: [],
}
ROOT = Path(portal.__file__).parent


def kinds(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def load_everything() -> None:
    for module in pkgutil.walk_packages([str(ROOT)], "portal."):
        importlib.import_module(module.name)


def sample(parameter: inspect.Parameter) -> Any:
    named = str(parameter.annotation)
    found = (value for kind, value in SAMPLES.items() if named in (kind.__name__, str(kind)) or kind.__name__ in named)
    return next(found, "a word")


def build(kind: type[DomainError]) -> DomainError:
    """The problem from arguments of the annotated kinds."""
    parameters = [p for p in inspect.signature(kind.__init__).parameters.values() if p.name != "self"]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return kind(("field", "why"))  # type: ignore[arg-type]  # each kind takes other arguments
    given = [p for p in parameters if p.default is p.empty]
    positional = [sample(p) for p in given if p.kind is not p.KEYWORD_ONLY]
    return kind(*positional, **{p.name: sample(p) for p in given if p.kind is p.KEYWORD_ONLY})


def written_extras() -> Iterator[tuple[str, set[str]]]:
    """Every `extra={...}` that is given to a problem in the source, with its keys."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).startswith(("log.", "current_app.logger")):
                continue
            for keyword in node.keywords:
                if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
                    names = {key.value for key in keyword.value.keys if isinstance(key, ast.Constant)}
                    yield f"{path.name}:{node.lineno}", {str(name) for name in names}


def test_no_kind_of_problem_gives_a_member_another_meaning() -> None:
    load_everything()
    found = sorted(set(kinds()), key=lambda kind: kind.__qualname__)
    assert len(found) > 30
    for kind in found:
        assert not RESERVED & build(kind).extra.keys(), kind


def test_no_place_that_raises_one_does() -> None:
    written = dict(written_extras())
    assert len(written) > 5
    assert {place for place, names in written.items() if names & RESERVED} == set()


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_one_that_would_is_refused_when_it_is_made(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Conflict(extra={name: "converted"})


def test_the_fields_of_invalid_input_are_listed() -> None:
    assert InvalidInput(("points", "must not be 0")).errors == [{"field": "points", "message": "must not be 0"}]


def test_a_state_that_refuses_is_the_current_status(client: FlaskClient, session: Session) -> None:
    token, make = make_token(session, "admin"), make_member(session, make_user(session, id="ada"))
    make_reward(session, "mug", 10)
    earn(session, make, 100)
    invite = make_invite(session, make)
    complete(session, invite.code, make_user(session).id)
    redemption = request_reward(session, make, "mug")
    base, headers = "/api/v1/loyalty", bearer(token, "ada")
    redeemed, invited = f"{base}/redemptions/{ids.encode(redemption.id)}", f"{base}/referrals/{ids.encode(invite.id)}"
    assert client.post(f"{redeemed}/fulfill", headers=headers).status_code == 200
    expected = [
        (f"{invited}/cancel", {}, "referral_not_cancellable", "converted"),
        (f"{redeemed}/fulfill", {}, "redemption_not_pending", "fulfilled"),
        (f"{redeemed}/fail", {"reason": "x"}, "redemption_not_pending", "fulfilled"),
        (f"{redeemed}/cancel", {"reason": "x"}, "redemption_not_pending", "fulfilled"),
    ]
    for path, body, code, state in expected:
        answer = client.post(path, json=body, headers=headers)
        problem = answer.get_json()
        assert (answer.status_code, problem["status"], problem["code"]) == (409, 409, code)
        assert problem["currentStatus"] == state
        assert set(problem) == {"type", "title", "status", "detail", "code", "currentStatus"}
