"""What a tier's card promises about points is a number that orders can be multiplied by."""

from fractions import Fraction
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.tiers import read_earn_multiplier
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

BEST_IS_1_5 = ("1.5", "1.25", True, "lots", -3, "1/2", "0")
UNUSABLE = ("lots", "", "-1", "0", "0.0", "1/2", "1,5", "1.00001", "1000")


@pytest.mark.parametrize(
    ("benefits", "factor"),
    [
        ([], None),
        ([{"kind": "shipping", "label": "x", "value": "2"}], None),
        ([{"kind": "earn_multiplier", "label": "x"}], None),
        ([{"kind": "earn_multiplier", "label": "x", "value": "1.5"}], Fraction(3, 2)),
        ([{"kind": "earn_multiplier", "label": "x", "value": 1.1}], Fraction(11, 10)),
        ([{"kind": "earn_multiplier", "label": "x", "value": 2}], Fraction(2)),
        (
            [{"kind": "earn_multiplier", "label": "x", "value": value} for value in ("1.5", True, "lots", -3, "1/2")],
            Fraction(3, 2),
        ),
    ],
)
def test_a_tiers_multiplier_is_what_its_card_promises(benefits: list[dict[str, Any]], factor: Fraction | None) -> None:
    assert read_earn_multiplier(benefits) == factor


@pytest.mark.parametrize("value", [*UNUSABLE, None, True, 0, -1])
def test_the_api_takes_no_value_that_multiplies_nothing(client: FlaskClient, session: Session, value: Any) -> None:
    def put(kind: str) -> int:
        tier = {"name": "Gold", "threshold": 5, "benefits": [{"kind": kind, "label": "More", "value": value}]}
        headers = bearer(make_token(session, "admin"))
        return client.put("/api/v1/loyalty/tiers/gold", json=tier, headers=headers).status_code

    assert (put("earn_multiplier"), put("shipping")) == (422, 201)


@pytest.mark.parametrize("value", UNUSABLE)
def test_neither_does_the_console(client: FlaskClient, session: Session, value: str) -> None:
    sign_in(client, make_user(session, role="operator"))

    def preview(value: str) -> Any:
        row = {"benefits-0-kind": "earn_multiplier", "benefits-0-label": "More", "benefits-0-value": value}
        tier = {"slug": "gold", "name": "Gold", "threshold": "5", "csrf_token": csrf(client), **row}
        return client.post("/admin/programme/new-tier/preview", data=tier)

    assert preview("1.5").status_code == 200
    refused = preview(value)
    assert refused.status_code == 422
    assert "Benefit 1 needs a number such as 1.5 as its value." in refused.text
