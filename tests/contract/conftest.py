"""Principals of the API, and a shop that sets the scene through it."""

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import ExceptionContext, event
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.contract.api import Api
from tests.contract.document import Document
from tests.contract.orders import Orders
from tests.contract.shop import Shop
from tests.contract.till import Till
from tests.factories.accounts import make_token, make_user

DEADLOCK = "40P01"
As = Callable[..., Api]


@pytest.fixture(scope="session")
def document(app: Portal) -> Document:
    """The OpenAPI document as it is served."""
    return Document(app.test_client().get("/api/v1/openapi.json").get_json())


@pytest.fixture
def as_scope(client: FlaskClient, document: Document, session: Session) -> As:
    """Make a service with some scopes, for a user when one is named by `user_id`."""

    def make(*scopes: str, user_id: str | None = None) -> Api:
        return Api(client, document, make_token(session, *scopes), user_id)

    return make


@pytest.fixture
def admin(as_scope: As) -> Api:
    """A service with the scope `admin`."""
    return as_scope("admin")


@pytest.fixture
def shop(admin: Api) -> Shop:
    """The operator's system."""
    return Shop(admin)


@pytest.fixture
def orders(as_scope: As) -> Orders:
    """A shop's back end that tells of orders."""
    return Orders(as_scope("orders"))


@pytest.fixture
def ann(session: Session) -> str:
    """The id of a user without a membership."""
    return str(make_user(session).id)


@pytest.fixture
def ben(session: Session) -> str:
    """The id of another user."""
    return str(make_user(session).id)


@pytest.fixture
def till(shop: Shop, ann: str) -> Till:
    """A checkout for ann, who has 100 points."""
    shop.credit(ann, 100)
    return Till(shop.api, ann)


@pytest.fixture
def clean_ledger(session: Session) -> Iterator[None]:
    """Recompute everything from the ledger when the test is over."""
    yield
    session.expire_all()
    assert list(find_differences(session)) == []


@pytest.fixture
def sound_in_the_end(committed_app: Portal) -> Iterator[None]:
    """Afterwards everything is as it should be, and nobody has waited for somebody who waited for them."""
    refused: list[str | None] = []

    def note(context: ExceptionContext) -> None:
        refused.append(getattr(context.original_exception, "sqlstate", None))

    with committed_app.app_context():
        event.listen(db.engine, "handle_error", note)
    yield
    with committed_app.app_context():
        assert find_differences(db.session()) == []
    assert DEADLOCK not in refused
