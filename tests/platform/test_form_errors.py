"""What forms say: one sentence of ours for each field, and fields as people fill them in."""

import gettext
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wtforms
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import FieldList, FormField, IntegerField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

import portal
from portal.platform.web.application import Portal
from portal.platform.web.form_errors import FALLBACK, SENTENCES, Words
from portal.platform.web.forms import OnceForm, OnceKey, PortalForm, TickBoxes, WholeNumber

LIBRARY = re.compile(
    r"not a valid|field is required|must be between|longer than|field must|invalid (?:choice|input)", re.I
)
JUNK = ("1e3", "--5", "٣", "x" * 6000, "9" * 5000, "-" + "9" * 300, "1.5", "1,00", "\x00", "2027-13-45", "👍", " ")


class Numbers(PortalForm):
    """One number that is needed and one that is not."""

    needed = WholeNumber("Needed", validators=[InputRequired("Say how many."), NumberRange(-5_000, 5_000)])
    free = WholeNumber("Free", validators=[Optional(), NumberRange(0, 10)])
    boxes = TickBoxes("Boxes", choices=[SelectChoice(name, name) for name in "abc"], needed="Choose a box.")


def forms(base: Any = FlaskForm) -> Iterator[Any]:
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        importlib.import_module(module.name)
    for form in base.__subclasses__():
        if form.__module__.startswith("portal."):
            yield form
        yield from forms(form)


def filled(**fields: str | list[str]) -> Numbers:
    form = Numbers(MultiDict({"boxes": "a", **fields}), meta={"csrf": False})
    form.validate()
    return form


def offer_choices(form: Any) -> None:
    """Give the lists that a page fills when it is shown something to choose."""
    for field in form:
        if getattr(field, "choices", "") is None:
            field.choices = [SelectChoice("one", "One")]


@pytest.fixture(autouse=True)
def asked(app: Portal) -> Iterator[None]:
    """A request, in which forms live."""
    with app.test_request_context("/"):
        yield


def test_every_sentence_of_the_library_has_one_of_ours() -> None:
    path = Path(wtforms.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "wtforms.mo"
    with path.open("rb") as file:
        said = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # nothing else lists its words
    known = {key if isinstance(key, str) else key[0] for key in said if key}
    assert len(known) > 20
    assert known - set(SENTENCES) == set()
    assert Words().gettext("Something new.") == FALLBACK


def test_every_form_speaks_our_words() -> None:
    assert [form.__qualname__ for form in forms() if not issubclass(form, PortalForm)] == []
    assert len(list(forms())) > 15


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1200", 1200),
        ("1,200", 1200),
        ("1 200", 1200),
        ("1\u00a0200", 1200),
        ("1\u202f200", 1200),
        ("1'200", 1200),
        (" 1 000 ", 1000),
        ("+500", 500),
        ("-500", -500),
        ("−500", -500),
        ("0", 0),
        ("-0", 0),
        ("0042", 42),
        ("-1,200", -1200),
    ],
)
def test_a_number_is_read_as_people_type_it(typed: str, read: int) -> None:
    form = filled(needed=typed)
    assert (form.needed.data, form.errors) == (read, {})


@pytest.mark.parametrize(
    "typed",
    [
        "1e3",
        "--5",
        "٣",
        "１２",
        "1.000",
        "1.5",
        "1,5",
        "1,00",
        "12,34,567",
        "1,200 300",
        "1_000",
        "0x10",
        "many",
        "½",
        "+",
        "1\x00",
    ],
)
def test_what_is_no_whole_number_is_told_in_one_sentence(typed: str) -> None:
    form = filled(needed=typed, free=typed)
    assert form.needed.errors == form.free.errors == ["Enter a whole number, such as 1200."]
    assert form.needed._value() == typed


@pytest.mark.parametrize("typed", ["5001", "-5001", "9" * 40, "9" * 5000, "-" + "9" * 5000, "9,999,999"])
def test_what_is_out_of_range_is_told_in_one_sentence(typed: str) -> None:
    assert filled(needed=typed).needed.errors == ["Enter a number from -5000 to 5000."]


@pytest.mark.parametrize("typed", ["", " ", "\t"])
def test_nothing_is_nothing(typed: str) -> None:
    form = filled(needed=typed, free=typed)
    assert (form.needed.errors, list(form.free.errors), form.free.data) == (["Say how many."], [], None)


@pytest.mark.parametrize("chosen", [["a"], ["b", "c"], ["a", "b", "c"]])
def test_any_choice_of_boxes_is_taken_and_none_is_demanded_by_the_browser(chosen: list[str]) -> None:
    form = filled(needed="1", boxes=chosen)
    assert (form.errors, form.boxes.data) == ({}, chosen)
    assert "required" not in form.boxes()
    assert not any("required" in option() for option in form.boxes)


@pytest.mark.parametrize(("chosen", "said"), [([], "Choose a box."), (["x"], "Choose from the list.")])
def test_no_box_or_an_unknown_one_is_told(chosen: list[str], said: str) -> None:
    assert filled(needed="1", boxes=chosen).boxes.errors == [said]


@pytest.mark.parametrize("junk", JUNK)
def test_every_field_of_every_form_says_one_sentence_of_ours(junk: str) -> None:
    for kind in forms():
        options = {"programme_zone": "UTC"} if kind.__name__ == "PreferencesForm" else {}
        names = [field.name for field in kind(meta={"csrf": False}, **options)]
        form = kind(formdata=MultiDict(dict.fromkeys(names, junk)), meta={"csrf": False}, **options)
        offer_choices(form)
        form.validate()
        for field in form:
            if not isinstance(field, FieldList | FormField):
                assert len(field.errors) <= 1, (kind, field.name, field.errors)
                assert not LIBRARY.search(" ".join(field.errors)), (kind, field.name, field.errors)


def test_whole_numbers_and_boxes_are_ours_in_every_form() -> None:
    for kind in forms():
        options = {"programme_zone": "UTC"} if kind.__name__ == "PreferencesForm" else {}
        for field in kind(meta={"csrf": False}, **options):
            assert not isinstance(field, IntegerField) or isinstance(field, WholeNumber), (kind, field.name)
            assert not isinstance(field, SelectMultipleField) or isinstance(field, TickBoxes), (kind, field.name)


def test_a_form_is_a_new_question_whenever_it_is_shown() -> None:
    for kind in forms(OnceForm):
        form = kind(formdata=MultiDict({"idempotency_key": "sent before"}), meta={"csrf": False})
        offer_choices(form)
        form.validate()
        keys = [re.findall(r'value="([^"]+)"', str(form.idempotency_key()))[0] for _ in range(2)]
        assert isinstance(form.idempotency_key, OnceKey)
        assert len({*keys, "sent before"}) == 3, kind
