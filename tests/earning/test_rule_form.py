"""Any rule goes through its form and comes back as it was written; money and codes are read as people type them."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectField, SelectMultipleField

from portal.earning import RuleKind, RuleTerms
from portal.earning.web.fields import Money
from portal.earning.web.forms import RuleForm, filled_form
from portal.platform.web.application import Portal
from portal.platform.web.forms import PortalForm

NEW_YORK = ZoneInfo("America/New_York")
SIGNS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
CODES = st.lists(st.text(SIGNS, min_size=1, max_size=9), max_size=4)
POINTS = st.one_of(st.none(), st.integers(1, 10**9))
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(8999, 12, 30), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001 - the zone is beside it
MEMBER = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"window": st.sampled_from(["day", "week", "month", "year", "ever"]), "points": st.integers(1, 10**9)},
        optional={"times": st.none()},
    ),
    st.fixed_dictionaries({"window": st.sampled_from(["day", "ever"]), "times": st.integers(1, 100)}),
)
OPTIONAL = {
    "active": st.booleans(),
    "from": st.one_of(st.none(), MOMENTS),
    "weekdays": st.lists(st.integers(1, 7), max_size=7),
    **dict.fromkeys(("tiers", "notTiers", "products", "skus", "categories", "channels", "currencies"), CODES),
    **dict.fromkeys(("excludeProducts", "excludeSkus", "excludeCategories"), CODES),
    "excludeDiscounted": st.booleans(),
    "minimumBasis": st.integers(0, 10**9),
    "eventType": st.one_of(st.none(), st.text(SIGNS, min_size=1, max_size=9)),
    "points": POINTS,
    "perAmount": POINTS,
    "step": st.sampled_from(["proportional", "whole"]),
    "multiplier": st.one_of(st.none(), st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4})?", fullmatch=True)),
    "limits": st.fixed_dictionaries({}, optional={"perOrder": POINTS, "perMember": MEMBER, "programme": POINTS}),
    "priority": st.integers(-1000, 1000),
    "stacks": st.booleans(),
    "pendingDays": st.one_of(st.none(), st.integers(0, 3650)),
    "expiryMonths": st.one_of(st.none(), st.integers(1, 1200)),
    "qualifies": st.fixed_dictionaries({}, optional={"tier": st.booleans(), "streak": st.booleans()}),
    "onPartialRefund": st.sampled_from([None, "recompute", "keep_until_zero"]),
}
NEEDED = {"points": 1, "perAmount": 1, "multiplier": "1", "eventType": "review"}
WRITTEN = st.fixed_dictionaries(
    {
        "name": st.text(SIGNS, min_size=1, max_size=20),
        "kind": st.sampled_from([kind.value for kind in RuleKind]),
    },
    optional=OPTIONAL,
)


def as_sent(form: PortalForm) -> MultiDict[str, str]:
    """What a browser sends of this form."""
    sent: MultiDict[str, str] = MultiDict()
    for field in form:
        if isinstance(field, SelectMultipleField):
            sent.setlist(field.name, field.data)
        elif isinstance(field, SelectField):
            sent[field.name] = field.data
        elif not isinstance(field, BooleanField) or field.data:
            sent[field.name] = "y" if isinstance(field, BooleanField) else field._value().replace("\n", "\r\n")
    return sent


@settings(max_examples=150, deadline=None)
@given(written=WRITTEN)
def test_a_rule_comes_back_from_its_form_as_it_was_written(app: Portal, written: dict[str, Any]) -> None:
    complete = {**written, **{name: value for name, value in NEEDED.items() if not written.get(name)}}
    try:
        document = RuleTerms.model_validate(complete).document()
    except ValidationError:
        reject()  # such as an end before its beginning
    with app.test_request_context():
        shown = filled_form(document, 1, NEW_YORK)
        shown.offer((("gold", "Gold"),), document)
        typed = RuleForm(formdata=as_sent(shown), meta={"csrf": False})
        typed.offer((("gold", "Gold"),), document)
        assert typed.accepts_draft(), typed.errors
        terms = typed.terms(document, NEW_YORK)
    assert terms is not None
    assert terms.document() == document


class Purse(PortalForm):
    """A form with an amount of money."""

    amount = Money("Amount")


@pytest.mark.parametrize(
    ("currency", "typed", "amount", "shown"),
    [
        ("EUR", "1", 100, "1.00"),
        ("EUR", "1.5", 150, "1.50"),
        ("EUR", "12,50", 1250, "12.50"),
        ("EUR", "1,200", 120_000, "1200.00"),
        ("EUR", " 1 200.05 ", 120_005, "1200.05"),
        ("EUR", "1'200", 120_000, "1200.00"),
        ("EUR", "0.01", 1, "0.01"),
        ("JPY", "150", 150, "150"),
        ("JPY", "1,500", 1500, "1500"),
        ("KWD", "1.005", 1005, "1.005"),
        ("EUR", "", None, ""),
        *(
            ("EUR", typed, None, typed)
            for typed in ("1.005", "1.2.3", "-1", "1e3", "€1", "٣", "1,20,0", ".5", "1 2", "1" * 13)
        ),
        *(("JPY", typed, None, typed) for typed in ("1.0", "1,5")),
    ],
)
def test_money_is_read_as_people_write_it(
    app: Portal, monkeypatch: pytest.MonkeyPatch, currency: str, typed: str, amount: int | None, shown: str
) -> None:
    changed = app.config["SETTINGS"].model_copy(update={"programme_currency": currency})
    monkeypatch.setitem(app.config, "SETTINGS", changed)
    with app.test_request_context():
        form = Purse(formdata=MultiDict({"amount": typed}), meta={"csrf": False})
        assert (form.validate(), form.amount.data) == (amount is not None or not typed, amount)
        again = form if amount is None else Purse(formdata=None, data={"amount": amount}, meta={"csrf": False})
        assert again.amount._value() == shown
